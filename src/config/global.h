/* The section of the configuration that all services share: where the control sockets are, how to
 * log, whom to run as. Knows no service. */
#ifndef CONFIG_GLOBAL_H
#define CONFIG_GLOBAL_H

#include "config/schema.h"

/* The same order and values as enum log_level and enum log_format of os/log.h. */
enum config_log_level {
	CONFIG_LOG_ERROR,
	CONFIG_LOG_WARNING,
	CONFIG_LOG_NOTICE,
	CONFIG_LOG_INFO,
	CONFIG_LOG_DEBUG
};
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

struct config_log {
	enum config_log_level level;
	enum config_log_format format;
};

struct config_global {
	const char *run;		 /* run: directory of the control sockets */
	const char *state;		 /* state: directory of the services' directories */
	const char *bpf;		 /* bpf: the same in a BPF file system */
	const char *user;		 /* user: name, or UID[:GID] */
	const char *control_group;	 /* control-group: name or GID; NULL: none */
	struct config_log log;		 /* log: {level: error … debug, format: text | json} */
	bool sandbox;			 /* sandbox: on | off */
	struct config_list sandbox_read; /* sandbox-read: const char *, more paths to see */
};

extern const struct config_map config_global_map;

#endif
