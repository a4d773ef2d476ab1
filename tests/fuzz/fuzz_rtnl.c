/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of rtnetlink, as the doctor and the finder of links read them. */
#include "fuzz.h"
#include "netlink/rtnl.h"

static bool is_text(const char name[RTNL_NAME_SIZE])
{
	return memchr(name, '\0', RTNL_NAME_SIZE) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *msg = fuzz_octets(data, len);
	struct rtnl_link link;
	struct rtnl_address address;
	struct rtnl_route route;
	struct rtnl_filter filter;
	struct rtnl_neigh neigh;
	struct rtnl_prefix prefix;
	int gone;

	if (rtnl_parse_link(msg, len, &link))
		REQUIRE(is_text(link.name) && is_text(link.kind));
	if (rtnl_parse_address(msg, len, &address))
		REQUIRE(address.addr.family < ADDR_FAMILIES);
	if (rtnl_parse_route(msg, len, &route))
		REQUIRE(route.way <= RTNL_WAY_LINK);
	if (rtnl_parse_neigh(msg, len, &neigh))
		REQUIRE(neigh.of_bridge || neigh.addr.family < ADDR_FAMILIES);
	if (rtnl_parse_prefix(msg, len, &prefix))
		REQUIRE(prefix.len <= addr_octets(prefix.first.family) * 8);
	rtnl_parse_link_gone(msg, len, &gone);
	if (rtnl_parse_filter(msg, len, &filter))
		REQUIRE(is_text(filter.kind));
	free(msg);
	return 0;
}
