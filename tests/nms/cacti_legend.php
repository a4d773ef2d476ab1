<?php
/* SPDX-License-Identifier: GPL-2.0-or-later
 * usage: php cacti_legend.php GRAPH START END   (where Cacti runs, as its user)
 * Print what Cacti hands to rrdtool for a graph, as plain text: its legend with all variables
 * filled in. */
chdir('/usr/share/cacti/cli');
require('/usr/share/cacti/site/include/cli_check.php');
require_once($config['base_path'] . '/lib/rrd.php');

$window = array('graph_start' => $argv[2], 'graph_end' => $argv[3], 'print_source' => true);
ob_start();
rrdtool_function_graph($argv[1], 0, $window);
$page = html_entity_decode(strip_tags(ob_get_clean()), ENT_QUOTES | ENT_HTML5);
print str_replace('\\:', ':', $page);
