#include "config/global.h"

static const char *const levels[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const formats[] = {"text", "json", NULL};

static const struct config_key log_keys[] = {
	{.name = "level",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct config_log, level),
	 .choices = levels,
	 .fallback = "info",
	 .help = "Least important lines that are written"},
	{.name = "format",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct config_log, format),
	 .choices = formats,
	 .fallback = "text",
	 .help = "Lines for people, or one JSON object a line; a change needs a restart"},
};

static const struct config_map log_map = {
	.help = "What is written to standard error",
	.size = sizeof(struct config_log),
	CONFIG_KEYS(log_keys),
};

static const struct config_key global_keys[] = {
	{.name = "run",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct config_global, run),
	 .fallback = "/run/gatehouse",
	 .help = "Directory of the control sockets, one SERVICE.sock each"},
	{.name = "state",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct config_global, state),
	 .fallback = "/var/lib/gatehouse",
	 .help = "Where services that keep files across restarts keep them: one directory SERVICE "
		 "each, made for it; a change needs a restart where a service runs alone"},
	{.name = "bpf",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct config_global, bpf),
	 .fallback = "/sys/fs/bpf/gatehouse",
	 .help = "Where services that work by programs in the kernel pin what outlives them: one "
		 "folder SERVICE each in a BPF file system, made for it, and mounted when there is "
		 "none; a change loses what is pinned"},
	{.name = "user",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct config_global, user),
	 .fallback = "gatehouse",
	 .example = "\"1200:1200\"",
	 .min = 1,
	 .max = 64,
	 .help = "Whom a service runs as when it was started as root: a name, or UID or UID:GID. "
		 "`gatehouse` is `nobody` where there is no such user"},
	{.name = "control-group",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct config_global, control_group),
	 .example = "operators",
	 .min = 1,
	 .max = 64,
	 .help = "The group, by name or GID, whose members may use the control sockets as root "
		 "may: "
		 "see everything and change what services offer to change. Not the group that the "
		 "services run as. Without it only root may; a change needs a restart where a "
		 "service "
		 "runs alone"},
	{.name = "log",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct config_global, log),
	 .map = &log_map,
	 .help = "What is written to standard error, and how"},
	{.name = "sandbox",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct config_global, sandbox),
	 .fallback = "on",
	 .help = "Whether a service locks itself in: its own user and view of the files, no "
		 "capabilities, few system calls. Off is for debugging only"},
	{.name = "sandbox-read",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct config_global, sandbox_read),
	 .example = "[/srv/zones]",
	 .items_max = 64,
	 .help = "More files and directories that services may read; the configuration's own "
		 "directory is always one"},
};

const struct config_map config_global_map = {
	.help = "What all services share: where the control sockets are, how to log, whom to run "
		"as",
	.size = sizeof(struct config_global),
	CONFIG_KEYS(global_keys),
	.example = "run: /run/gatehouse\nlog: {level: notice, format: json}",
};
