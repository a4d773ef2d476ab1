/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctmeterd in the order of its life: options, configuration, one instance, modules opened in order,
 * the loop, modules closed in reverse. The only file that exits. */
#include "agentx/ax.h"
#include "base/cfg.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon.h"
#include "instance.h"
#include "inventory/helper.h"
#include "inventory/source.h"
#include "inventory/source_kind.h"
#include "netlink/netns.h"
#include "privilege.h"
#include "version.h"

#include <getopt.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
	"usage: ctmeterd [-c FILE] [-t | --configured | --prepare] [-v]\n"
	"Count the traffic of this node's containers and serve it to snmpd (AgentX).\n"
	"Runs in the foreground and logs to stderr.\n"
	"\n"
	"  -c, --config FILE  configuration (default " CFG_DEFAULT_PATH ")\n"
	"  -t, --test         check the configuration and exit\n"
	"      --configured   exit with 1 if no source of the inventory is configured yet\n"
	"      --prepare      as root: give ctmeterd's user access to what it needs\n"
	"  -v, --verbose      log more\n"
	"  -V, --version      print the version and exit\n"
	"  -h, --help         print this and exit\n"
	"\n"
	"SIGHUP reloads the configuration, SIGTERM ends ctmeterd. The counting rules stay in\n"
	"place when it ends and keep counting; \"ctmeter teardown\" removes them.\n";

/* sysexits.h's EX_CONFIG: starting again is useless until the configuration is edited. The unit
 * does not restart upon this status. */
#define EXIT_CONFIG 78

struct options {
	const char *config;
	bool test, prepare, helper, configured;
};

enum { OPT_PREPARE = 256, OPT_HELPER, OPT_CONFIGURED };

/* Returns -1 to continue, or the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
					       { "test", no_argument, NULL, 't' },
					       { "verbose", no_argument, NULL, 'v' },
					       { "version", no_argument, NULL, 'V' },
					       { "help", no_argument, NULL, 'h' },
					       { "prepare", no_argument, NULL, OPT_PREPARE },
					       { "configured", no_argument, NULL, OPT_CONFIGURED },
					       { "inventory-helper", no_argument, NULL,
						 OPT_HELPER },
					       { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "c:tvVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 't':
			o->test = true;
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'V':
			printf("ctmeterd " CTM_VERSION " (%s seccomp)\n",
			       privilege_confines() ? "with" : "without");
			return 0;
		case OPT_PREPARE:
			o->prepare = true;
			break;
		case OPT_CONFIGURED: /* for the unit, before it starts */
			o->configured = true;
			break;
		case OPT_HELPER: /* for the unit ctmeter-inventory.service */
			o->helper = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			fputs("try \"ctmeterd --help\"\n", stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "ctmeterd: unexpected argument \"%s\"\ntry \"ctmeterd --help\"\n",
		argv[optind]);
	return 2;
}

/* Has a source of the inventory been configured? A file that cannot be read is left for the daemon
 * to report. */
static bool is_configured(const struct options *o, const struct cfg *cfg)
{
	struct err e = { "" };

	if (sources_are_configured(cfg->inventory.sources, cfg->inventory.n_sources, "", &e))
		return true;
	log_error("start", "%s of %s, then: systemctl start ctmeterd", e.text, o->config);
	return false;
}

int main(int argc, char **argv)
{
	struct options options = { .config = CFG_DEFAULT_PATH };
	struct daemon *daemon;
	struct err e = { "" };
	struct cfg *cfg;
	int status, lock;

	signal(SIGCHLD, SIG_DFL); /* the parent may have ignored it */
	log_open();
	status = parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	setlocale(LC_CTYPE, "");
	if (options.helper)
		return helper_main(options.config, netns_ear);
	/* Return the arrays of each snapshot and commit to the kernel when they are freed, so that
	 * they leave no holes in the heap. (By default the threshold rises with what is freed.) */
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	mallopt(M_ARENA_MAX, 1); /* so that the store's thread has no heap of its own */
	if (cfg_load(options.config, source_check, &cfg, &e) < 0) {
		if (options.configured)
			return 0; /* the daemon reports it */
		log_error("cfg", "%s", e.text);
		return options.test || options.prepare ? 1 : EXIT_CONFIG;
	}
	if (options.test) {
		printf("%s: the configuration is valid\n", options.config);
		cfg_free(cfg);
		return 0;
	}
	if (!options.prepare && !is_configured(&options, cfg)) {
		cfg_free(cfg);
		return options.configured ? 1 : EXIT_CONFIG;
	}
	if (options.configured) {
		cfg_free(cfg);
		return 0;
	}
	if (options.prepare ? privilege_prepare(cfg, &e) < 0
			    : instance_lock(cfg, &lock, &e) < 0 ||
				      privilege_drop(cfg, options.config, &e) < 0) {
		log_error("start", "%s", e.text);
		cfg_free(cfg);
		return 1;
	}
	if (options.prepare) {
		cfg_free(cfg);
		return 0;
	}
	privilege_confine(cfg);
	if (daemon_new(options.config, cfg, lock, &daemon, &e) < 0) {
		log_error("start", "%s", e.text);
		return 1;
	}
	daemon_run(daemon);
	daemon_free(daemon);
	return 0;
}
