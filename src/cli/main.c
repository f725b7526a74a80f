/* The one program: finds the subcommand in the table and hands it its line. */
#include "cli/commands.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

const struct command *const command_table[] = {
	&command_run,		&command_check,
	&command_status,	&command_events,
	&command_trace,		&command_zone,
	&command_leases,	&command_lease,
	&command_import,	&command_lab,
	&command_version,	&command_help,
	&command_completion,	&command_authority,
	&command_dhcp,		&command_dhcp_client,
	&command_forward_proxy, &command_nat,
	&command_policy,	&command_resolver,
	&command_reverse_proxy, &command_proxy,
	&command_vpn,		&command_user,
	&command_plan,		NULL,
};

static int command_run_line(const struct command *command, const char *program, int argc,
			    char **argv)
{
	struct command_line line;
	bool help;
	/* `zone check FILE`: the verb is a command of its own. */
	if (command->verbs && argc > 0 && argv[0][0] != '-') {
		const struct command *verb = command_find(command->verbs, argv[0]);
		char more[64];
		(void)snprintf(more, sizeof(more), "help %s", command->name);
		if (!verb)
			return command_unknown(command->verbs, NULL, "verb", argv[0], more);
		command = verb;
		argc--;
		argv++;
	}
	int status = command_line_read(command, program, argc, argv, &line, &help);
	if (help)
		command_usage_print(stdout, command);
	if (status || help)
		return status;
	return command->run ? command->run(&line) : command_verb_missing(command);
}

int main(int argc, char **argv)
{
	(void)setlocale(LC_CTYPE, ""); /* how wide letters are; numbers stay plain */
	if (argc < 2) {
		command_list_print(stderr);
		return EXIT_USAGE;
	}
	const char *word = argv[1];
	if (strcmp(word, "--version") == 0)
		word = "version";
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		word = "help";
	const struct command *command = command_find(command_table, word);
	if (!command)
		return command_unknown(command_table, NULL, "command", word, "help");
	return command_run_line(command, argv[0], argc - 2, argv + 2);
}
