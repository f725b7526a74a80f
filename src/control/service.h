/* What every service shows to the command line and the supervisor's plan: a name, a configuration
 * schema, what it needs opened, and a life. Knows no particular service. */
#ifndef CONTROL_SERVICE_H
#define CONTROL_SERVICE_H

#include "base/err.h"
#include "os/sandbox.h"

struct config_global;
struct config_map;
struct config_sections;
struct plan;

/* How a service process was asked to start. */
struct service_start {
	const struct service *service;
	const struct config_sections *sections; /* of all services: the file holds them all */
	const char *config_path;
	const char *control_path; /* --control; NULL: RUN/SERVICE.sock */
	const char *user;	  /* --user, from the supervisor: become it before any text is read;
				   * NULL: the configuration's, once its sockets are open */
	const char *state_path;	  /* --state, from the supervisor, who made it; NULL: STATE/SERVICE,
				   * and the service makes it while it is root */
	const char *folder_path; /* --folder, likewise; NULL: FOLDER/SERVICE, or none with --user */
	const char *bpf_path;	 /* --bpf, likewise; NULL: BPF/SERVICE, or none with --user */
};

struct service {
	const char *name;    /* the section of the configuration and the subcommand */
	const char *summary; /* one line for help */
	const struct config_map *schema;

	/* Whether what conf says needs files of its own that outlive the process: then
	 * service_life_state is a directory that it may write to. NULL: never. */
	bool (*keeps_state)(const void *conf);
	/* Folders of other services' state, relative to that of all, that those write for this one:
	 * they are there before anybody starts. Ends with NULL; NULL: none. */
	const char *const *shares;
	/* The folder that conf names for much that the service can do without: then
	 * service_life_folder is one for this service in it. NULL: never, or not now. */
	const char *(*folder)(const void *conf);
	/* Whether it loads BPF programs and pins them: then service_life_bpf is a folder for that,
	 * and its command takes --bpf (OPTIONS_WITH_BPF in cli/run.c). NULL: never. */
	bool (*pins_bpf)(const void *conf);
	/* What it does beyond IP and unix sockets, and the capabilities that its work takes to the
	 * end, and those beyond for until service_life_sandbox: all stay 0 for most. */
	bool changes_links;
	bool changes_sysctl;   /* writes below /proc/sys/net, with CAP_NET_ADMIN */
	uint64_t capabilities; /* SANDBOX_CAP_… */
	uint64_t start_capabilities;

	/* Adds the sockets that conf asks for (the control socket is added by the caller). conf:
	 * the service's own typed struct. ERR_LIMIT when they are too many. */
	enum err (*plan)(const void *conf, const struct config_global *global, struct plan *p);

	/* Calls for what conf, which is right, asks for and will not get: line of the file (0: not
	 * known) and a sentence. NULL: never. */
	void (*advise)(const void *conf, void (*tell)(void *arg, uint32_t line, const char *text),
		       void *arg);

	/* The service whose makings conf asks for: without a section of its own there will be none.
	 * `check` tells. The function is NULL, or returns NULL: none. */
	const char *(*obeys)(const void *conf);
	/* Whether conf asks for users whom another service keeps (control/people.h), and whether it
	 * is the one that answers for its own: who asks where nobody answers is told by `check`.
	 * NULL: never. */
	bool (*asks_people)(const void *conf);
	bool (*serves_people)(const void *conf);

	/* The whole life of the process; its exit status: 0 after SIGTERM, 1 after an error that
	 * was logged, 2 for a wrong configuration. */
	int (*run)(const struct service_start *start);
};

#endif
