/* The parts of a service's life that are the same for all: descriptors, configuration, log, control
 * socket, READY, SIGHUP and SIGTERM. Knows no service. */
#ifndef CONTROL_SERVICE_LIFE_H
#define CONTROL_SERVICE_LIFE_H

#include "control/control.h"
#include "control/service.h"
#include "os/activation.h"
#include "os/loop.h"
#include "os/notify.h"
#include "os/sandbox.h"
#include "os/shared_file.h"

struct config;
struct config_global;

struct service_life {
	const struct service_start *start;
	struct loop loop;		    /* of the main thread: control, signals */
	struct activation activation;	    /* the passed descriptors */
	struct config *config;		    /* the one in force; owned */
	const struct config_global *global; /* borrowed from config */
	struct control *control;
	struct notify notify;
	struct sandbox_report sandbox;
	int control_fd;	   /* until control is made */
	bool stopping;	   /* the last answers are given */
	char *state_path;  /* NULL: this service keeps none */
	char *folder_path; /* NULL: none is named, or it cannot be had, which was told */
	char *bpf_path;	   /* NULL: nothing can or shall be pinned */
	/* To keep to the end; the service may take some away before service_life_sandbox. */
	uint64_t capabilities;
	/* Folders of other services' state that this one reads as well, relative to that of all;
	 * ends with NULL, borrowed; NULL: none. Set before service_life_sandbox, which makes those
	 * that nobody has. */
	const char *const *reads_states;
	/* System calls beyond its profile's, borrowed; set before service_life_sandbox. */
	const int *syscalls;
	size_t syscalls_n;
	void (*reload)(void *arg); /* SIGHUP; set by the service before it runs */
	void *arg;		   /* for reload */
	uint64_t started_ms;
};

/* Takes the descriptors of LISTEN_FDS; becomes start->user when that is given; reads and judges the
 * configuration (its errors go to stderr as they stand in the file: ERR_CONFIG); starts the log;
 * opens the control socket. Storage must not move afterwards. All other errors are logged. */
MUST enum err service_life_begin(struct service_life *life, const struct service_start *start);

/* A listening unix socket between services, passed as `name` or made as `file` in the run
 * directory, for the group that this service runs as. Errors are logged. */
MUST enum err service_life_socket(struct service_life *life, const char *name, const char *file,
				  int *ret_fd);

/* A small file that outlives the process, passed as `name` or opened as SERVICE.gone in the run
 * directory, and mapped. Before the sandbox. What cannot be had is told, and *ret is zeroed. */
void service_life_mapped(struct service_life *life, const char *name, size_t size,
			 struct shared_file *ret);
/* Its path there. */
void service_life_mapped_path(const struct config_global *global, const char *service,
			      char ret[256]);

/* The service's typed section of the configuration in force; never NULL after begin. */
const void *service_life_conf(const struct service_life *life);

/* Reads the file anew and judges it. ERR_CONFIG: every error was logged with line and column and
 * the old configuration stays. On success *ret is the caller's to hand to service_life_adopt or
 * config_free. */
MUST enum err service_life_reread(struct service_life *life, struct config **ret);
/* The new configuration is in force; the old one is freed: nothing may point into it. */
void service_life_adopt(struct service_life *life, struct config *config);

/* Enters the sandbox, both steps, unless `sandbox: off`: the configuration's user (when start->user
 * was not given), no capabilities but life->capabilities, and of the file system only what
 * read_paths (NULL-terminated, may be NULL), the configuration's folder and sandbox-read name, and
 * the system's libraries and user database; to write only the state directory, which is made here
 * when nobody has. Called with all sockets open and before threads start. Errors are logged. */
MUST enum err service_life_sandbox(struct service_life *life, const char *const *read_paths);

/* The service's own directory, made and writable once service_life_sandbox is over. NULL: the
 * configuration in force at the start wants none (struct service, keeps_state). */
static inline const char *service_life_state(const struct service_life *life)
{
	return life->state_path;
}

/* The directory of another service; the caller's to free. ENOMEM. */
MUST enum err service_life_state_of(const struct service_life *life, const char *service,
				    char **ret);

/* The folder on whatever disk the configuration names (struct service, folder), likewise; NULL: it
 * names none, or the supervisor could not make it. It may not be there: what is opened in it
 * fails. */
static inline const char *service_life_folder(const struct service_life *life)
{
	return life->folder_path;
}

/* The folder for pins, from service_life_begin on. NULL: the configuration in force at the start
 * wants none (struct service, pins_bpf), or a BPF file system is not permitted here, which was
 * logged. */
static inline const char *service_life_bpf(const struct service_life *life)
{
	return life->bpf_path;
}

/* SIGTERM, SIGINT and SIGHUP come to the loop from here on. Called before threads start, so that
 * they inherit the blocked mask. */
MUST enum err service_life_signals(struct service_life *life);

/* Opens the control socket's server. */
MUST enum err service_life_control(struct service_life *life, const struct control_face *face);

/* Common members of a status object: service, version, pid, uptime_s, sandbox. A new object. */
json_t *service_life_status(const struct service_life *life);

/* Says READY and turns the loop until SIGTERM or SIGINT. Returns the exit status. The caller then
 * ends its threads and calls service_life_done. */
int service_life_run(struct service_life *life);

/* Tells whoever started us that a reload begins, and that it is over. */
void service_life_reloading(struct service_life *life, bool over);

/* Accepts a life of which nothing or a part was begun. */
void service_life_done(struct service_life *life);

#endif
