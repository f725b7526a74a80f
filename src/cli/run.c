/* gatehouse run -c FILE: the supervisor. gatehouse SERVICE -c FILE: one service, alone, in the
 * foreground. */
#include "cli/commands.h"

#include "cli/services.h"
#include "supervisor/supervisor.h"

#include <stdlib.h>

#define CONFIG_DEFAULT "/etc/gatehouse/gatehouse.yaml"

static const char *config_path(const struct command_line *line)
{
	const char *path = command_line_value(line, "config");
	return path ? path : CONFIG_DEFAULT;
}

static int run_run(const struct command_line *line)
{
	/* The services are started from another folder's point of view, so the path must be whole.
	 */
	char *path = realpath(config_path(line), NULL);
	if (!path)
		return command_fail("Name it with -c FILE.", "%s: %s", config_path(line),
				    err_text(err_errno()));
	struct supervisor_options options = {.config_path = path, .json_log = line->json};
	int status = supervisor_run(&options);
	free(path);
	return status;
}

static const struct command_option run_options[] = {
	{"config", 'c', "FILE", "the configuration (" CONFIG_DEFAULT ")"}};

const struct command command_run = {
	.name = "run",
	.arguments = "",
	.summary = "Start every configured service, each in its own sandboxed process",
	.options = run_options,
	.options_n = sizeof(run_options) / sizeof(run_options[0]),
	.run = run_run,
};

static int service_run(const struct command_line *line)
{
	struct service_start start = {
		.service = service_find(line->command->name),
		.sections = &service_sections,
		.config_path = config_path(line),
		.control_path = command_line_value(line, "control"),
		.user = command_line_value(line, "user"),
		.state_path = command_line_value(line, "state"),
	};
	if (start.service->pins_bpf)
		start.bpf_path = command_line_value(line, "bpf");
	if (start.service->folder)
		start.folder_path = command_line_value(line, "folder");
	return start.service->run(&start);
}

#define SERVICE_OPTIONS                                                                            \
	{"config", 'c', "FILE", "the configuration (" CONFIG_DEFAULT ")"},                         \
		{"control", 0, "PATH", "the control socket (RUN/SERVICE.sock)"},                   \
		{"user", 0, "USER", "become this user before the configuration is read"},          \
	{                                                                                          \
		"state", 0, "FOLDER", "keep files there; it is there already (STATE/SERVICE)"      \
	}

static const struct command_option service_options[] = {
	SERVICE_OPTIONS,
	{"bpf", 0, "FOLDER", "pin programs and tables there; it is there already (BPF/SERVICE)"},
};
static const struct command_option cache_options[] = {
	SERVICE_OPTIONS,
	{"folder", 0, "FOLDER",
	 "keep the cache's disk there; it is there already (FOLDER/SERVICE)"},
};
enum {
	OPTIONS_WITH_BPF = sizeof(service_options) / sizeof(service_options[0]),
	OPTIONS_WITH_CACHE = sizeof(cache_options) / sizeof(cache_options[0]),
	OPTIONS = OPTIONS_WITH_BPF - 1, /* of services that pin nothing */
};

static const struct command *const uplink_verbs[] = {&uplink_renew_verb, &uplink_release_verb,
						     NULL};
static const struct command *const dhcp_verbs[] = {&dhcp_probe_verb, &dhcp_watch_verb, NULL};

static const struct command *const nat_verbs[] = {
	&nat_explain_verb, &nat_forwards_verb, &nat_detach_verb, &nat_flows_verb,
	&nat_top_verb,	   &nat_end_verb,      &nat_ports_verb,	 NULL};

static const struct command *const policy_verbs[] = {&policy_lists_verb,
						     &policy_why_verb,
						     &policy_who_verb,
						     &policy_pause_verb,
						     &policy_resume_verb,
						     &policy_refresh_verb,
						     NULL};

static const struct command *const vpn_verbs[] = {&vpn_peers_verb,  &vpn_add_verb, &vpn_show_verb,
						  &vpn_config_verb, &vpn_qr_verb,  &vpn_remove_verb,
						  &vpn_ca_verb,	    NULL};

#define SERVICE_COMMAND(word, service, text, words)                                                \
	SERVICE_COMMAND_WITH(word, service, text, words, service_options, OPTIONS)
#define SERVICE_COMMAND_WITH(word, service, text, words, options_list, options_count)              \
	const struct command command_##word = {                                                    \
		.name = (service),                                                                 \
		.arguments = "",                                                                   \
		.summary = text,                                                                   \
		.options = options_list,                                                           \
		.options_n = (options_count),                                                      \
		.run = service_run,                                                                \
		.verbs = (words),                                                                  \
	}

SERVICE_COMMAND(authority, "authority",
		"Run the authoritative name server alone, in the foreground", NULL);
SERVICE_COMMAND(dhcp, "dhcp", "Run the address server alone, in the foreground", dhcp_verbs);
SERVICE_COMMAND(dhcp_client, "dhcp-client",
		"Run the client of the uplinks alone, in the foreground", uplink_verbs);
SERVICE_COMMAND_WITH(forward_proxy, "forward-proxy",
		     "Run the forward proxy alone, in the foreground", NULL, cache_options,
		     OPTIONS_WITH_CACHE);
SERVICE_COMMAND_WITH(nat, "nat", "Run the translator alone, in the foreground", nat_verbs,
		     service_options, OPTIONS_WITH_BPF);
SERVICE_COMMAND(policy, "policy",
		"Run alone, in the foreground, what fetches lists and makes the policy of them",
		policy_verbs);
SERVICE_COMMAND(resolver, "resolver",
		"Run the recursive, caching resolver alone, in the foreground", NULL);
SERVICE_COMMAND_WITH(reverse_proxy, "reverse-proxy",
		     "Run the reverse proxy alone, in the foreground", NULL, cache_options,
		     OPTIONS_WITH_CACHE);
SERVICE_COMMAND(vpn, "vpn", "Run the tunnels alone, in the foreground", vpn_verbs);
