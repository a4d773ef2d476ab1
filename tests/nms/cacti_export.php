<?php
/* SPDX-License-Identifier: GPL-2.0-or-later
 * usage: php cacti_export.php DEVICE-TEMPLATE   (where Cacti runs, as its user)
 * Print a device template with what it is made of, as Console > Export Templates does, but without
 * what every Cacti has already: importing such things again would overwrite the operator's own.
 * conf/cacti/ctmeter_templates.xml is made with this. */
chdir('/usr/share/cacti/cli');
require('/usr/share/cacti/site/include/cli_check.php');
require_once($config['base_path'] . '/lib/export.php');

$id = db_fetch_cell_prepared('SELECT id FROM host_template WHERE name = ?', array($argv[1]));
if (empty($id)) {
	fwrite(STDERR, "no device template '{$argv[1]}'\n");
	exit(1);
}
$stock = array('data_input_method', 'data_source_profile', 'gprint_preset', 'cdef', 'vdef');
$text = '';
foreach (resolve_dependencies('host_template', $id, array()) as $type => $ids) {
	if (in_array($type, $stock, true)) {
		continue;
	}
	$to_xml = $type . '_to_xml';
	foreach ($ids as $one) {
		$text .= "\t" . str_replace("\n", "\n\t", $to_xml($one)) . "\n";
	}
}
print "<cacti>\n$text</cacti>\n";
