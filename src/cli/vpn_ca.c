/* gatehouse vpn ca: the certificate that makes browsers believe the sign-in page. */
#include "cli/commands.h"

#include "cli/print.h"
#include "cli/remote.h"
#include "cli/vpn.h"

static int ca_run(const struct command_line *line)
{
	int code;
	json_t *answer = remote_ask(line, "vpn", "GET", "/authority", &code);

	if (!answer)
		return code;
	if (line->json)
		return vpn_json_print(answer);
	const char *certificate = json_string_value(json_object_get(answer, "certificate"));
	(void)fputs(certificate ? certificate : "", stdout);
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option options[] = {REMOTE_OPTIONS};

const struct command vpn_ca_verb = {
	.name = "ca",
	.within = "vpn",
	.arguments = "",
	.summary = "Print the certificate of the sign-in page's own authority",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = ca_run,
};
