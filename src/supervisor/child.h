/* One service's process: started with its sockets, watched, started again when it dies. Knows no
 * other service. */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include "os/loop.h"
#include "os/spawn.h"
#include "supervisor/sockets.h"

#define CHILD_BACKOFF_FIRST_MS 50
#define CHILD_BACKOFF_MAX_MS   30000
#define CHILD_STEADY_MS	       10000 /* a process that lived this long was no quick crash */
#define CHILD_STOP_MS	       4500  /* from SIGTERM to SIGKILL: all is over within 5 s */

struct child {
	struct child *next;
	struct loop *loop; /* borrowed */
	char service[PLAN_NAME_MAX];
	char user[PLAN_NAME_MAX];	  /* "-": ours */
	const char *config_path;	  /* borrowed */
	const char *notify_path;	  /* borrowed: NOTIFY_SOCKET for it */
	const struct socket_set *sockets; /* borrowed: those of the plan in force */
	struct spawn_child process;
	struct loop_watch watch;
	struct loop_timer restart, kill;
	uint64_t started_ms, backoff_ms;
	unsigned restarts;
	bool running, ready;
	bool reloading;	    /* it was sent SIGHUP and has not said READY since */
	bool reload_wanted; /* once it is ready: before, it might not catch SIGHUP yet */
	bool stopping;	    /* its end is wanted */
	bool yields;	    /* it is asked to end for one with other sockets, that starts then */
	struct spawn_child retired; /* the process before this one, until this one is ready */
	struct loop_watch retired_watch;
	bool retired_running;
	void (*changed)(void *arg); /* ready, or ended for good */
	void *arg;		    /* borrowed */
};

void child_init(struct child *c, struct loop *loop, const struct plan_record *service);

/* Starts it now; when that fails, later again. */
void child_start(struct child *c);
/* Its sockets have changed: starts a new process with the new ones beside the old, which is ended
 * once the new one is ready, so that no packet finds nobody. One that keeps files or pins has them
 * for itself: there the old process ends first, and what comes meanwhile waits in the sockets,
 * which we hold. So does one that has itself replaced another that is not gone yet. */
void child_replace(struct child *c);
/* SIGTERM, and SIGKILL when that was not enough. changed is called at the end. */
void child_stop(struct child *c);
/* SIGHUP, now or as soon as it is ready. */
void child_reload(struct child *c);
/* The process pid has said READY=1; false: it is not ours. */
bool child_told_ready(struct child *c, pid_t pid);
/* It is ready, and has taken in every reload. */
bool child_serves(const struct child *c);
/* It neither runs nor will. */
bool child_gone(const struct child *c);
void child_done(struct child *c);

#endif
