#include "cli/load.h"

#include "cli/command.h"
#include "cli/services.h"
#include "config/report.h"
#include "control/conf_file.h"

enum err load_judge(const char *path, struct config **ret, struct config_report *ret_report)
{
	return conf_file_judge(path, &service_sections, ret, ret_report);
}

enum err load_config(const char *path, struct config **ret)
{
	struct config_report report = {0};
	enum err e = load_judge(path, ret, &report);
	if (e == ERR_CONFIG)
		conf_file_tell(&report);
	else if (e)
		(void)command_fail(NULL, "%s: %s", path, err_text(e));
	config_report_done(&report);
	return e;
}
