#include "supervisor/child.h"

#include "os/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void restart_due(void *arg)
{
	child_start(arg);
}

static void kill_due(void *arg)
{
	struct child *c = arg;
	log_warning("did not stop in time and is killed", LOG_TEXT("service", c->service));
	if (c->running && (c->stopping || c->yields))
		err_ignore(spawn_signal(&c->process, SIGKILL)); /* it may have just ended */
	if (c->retired_running)
		err_ignore(spawn_signal(&c->retired, SIGKILL));
}

void child_init(struct child *c, struct loop *loop, const struct plan_record *service)
{
	*c = (struct child){.loop = loop, .backoff_ms = CHILD_BACKOFF_FIRST_MS};
	(void)snprintf(c->service, sizeof(c->service), "%s", service->service);
	(void)snprintf(c->user, sizeof(c->user), "%s", service->name);
	loop_timer_init(&c->restart, restart_due, c);
	loop_timer_init(&c->kill, kill_due, c);
}

static void end_log(const struct child *c, struct spawn_end end)
{
	if (c->stopping && !end.signalled && end.code == 0)
		log_info("stopped", LOG_TEXT("service", c->service));
	else
		log_error("ended", LOG_TEXT("service", c->service),
			  LOG_TEXT("by", end.signalled ? strsignal(end.code) : "exit"),
			  LOG_I64("code", end.code), LOG_U64("restarts", c->restarts));
}

/* Lives that were long start the count of waits anew. */
static void restart_plan(struct child *c)
{
	if (loop_now_ms(c->loop) - c->started_ms >= CHILD_STEADY_MS)
		c->backoff_ms = CHILD_BACKOFF_FIRST_MS;
	loop_timer_set_after(c->loop, &c->restart, c->backoff_ms);
	c->backoff_ms =
		c->backoff_ms * 2 > CHILD_BACKOFF_MAX_MS ? CHILD_BACKOFF_MAX_MS : c->backoff_ms * 2;
	c->restarts++;
}

static void ended(void *arg, uint32_t events)
{
	struct child *c = arg;
	struct spawn_end end;
	(void)events;
	loop_remove(c->loop, &c->watch); /* before collecting, which closes the pidfd */
	if (spawn_collect(&c->process, -1, &end))
		end = (struct spawn_end){.signalled = false, .code = -1};
	c->running = c->ready = c->reloading = c->reload_wanted = false;
	bool yielded = c->yields && !c->stopping;
	c->yields = false;
	if (yielded)
		log_info("makes room for one with other sockets", LOG_TEXT("service", c->service));
	else
		end_log(c, end);
	if (yielded) {
		if (!c->retired_running)
			loop_timer_cancel(c->loop, &c->kill);
		child_start(c);
	} else if (!c->stopping)
		restart_plan(c);
	else if (!c->retired_running)
		loop_timer_cancel(c->loop, &c->kill);
	c->changed(c->arg);
}

static void retired_ended(void *arg, uint32_t events)
{
	struct child *c = arg;
	struct spawn_end end;
	(void)events;
	loop_remove(c->loop, &c->retired_watch);
	if (spawn_collect(&c->retired, -1, &end))
		end = (struct spawn_end){.signalled = false, .code = -1};
	c->retired_running = false;
	if (!c->running || !(c->stopping || c->yields))
		loop_timer_cancel(c->loop, &c->kill);
	log_info("replaced", LOG_TEXT("service", c->service));
	c->changed(c->arg);
}

/* The descriptors of this service, in the plan's order. */
static size_t fds_gather(const struct child *c, struct spawn_fd *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < c->sockets->n; i++) {
		const struct socket_entry *e = &c->sockets->entries[i];
		if (strcmp(e->record.service, c->service) != 0)
			continue;
		for (size_t j = 0; j < e->fds_n; j++)
			ret[n++] = (struct spawn_fd){.fd = e->fds[j], .name = e->record.name};
	}
	return n;
}

static enum err process_start(struct child *c)
{
	char notify[PLAN_PATH_MAX + 16];
	(void)snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", c->notify_path);
	const char *argv[13] = {"gatehouse", c->service, "-c", c->config_path};
	const char *state = socket_set_folder(c->sockets, c->service, PLAN_STATE);
	const char *bpf = socket_set_folder(c->sockets, c->service, PLAN_BPF);
	const char *folder = socket_set_folder(c->sockets, c->service, PLAN_FOLDER);
	size_t n = 4;
	if (strcmp(c->user, "-") != 0) {
		argv[n++] = "--user";
		argv[n++] = c->user;
	}
	if (state) {
		argv[n++] = "--state";
		argv[n++] = state;
	}
	if (bpf) {
		argv[n++] = "--bpf";
		argv[n++] = bpf;
	}
	if (folder) {
		argv[n++] = "--folder";
		argv[n++] = folder;
	}
	const char *environment[] = {notify, NULL};
	struct spawn_fd *fds = calloc(socket_set_count(c->sockets, c->service) + 1, sizeof(*fds));
	if (!fds)
		return (enum err)ENOMEM;
	struct spawn s = SPAWN_INIT;
	s.argv = argv;
	s.environment = environment;
	s.fds = fds;
	s.fds_len = fds_gather(c, fds);
	enum err e = spawn_start(&s, &c->process);
	free(fds);
	if (e)
		return e;
	e = loop_add(c->loop, &c->watch, c->process.pidfd, LOOP_READ, ended, c);
	if (e) {
		struct spawn_end end;
		err_ignore(spawn_signal(&c->process, SIGKILL));
		err_ignore(spawn_collect(&c->process, -1, &end));
	}
	return e;
}

void child_start(struct child *c)
{
	c->started_ms = loop_now_ms(c->loop);
	enum err e = process_start(c);
	if (e) {
		log_error("cannot be started", LOG_TEXT("service", c->service), LOG_ERR(e));
		restart_plan(c);
		return;
	}
	c->running = true;
	log_info("started", LOG_TEXT("service", c->service), LOG_I64("pid", c->process.pid));
}

static bool keeps_files(const struct child *c)
{
	return socket_set_folder(c->sockets, c->service, PLAN_STATE) ||
	       socket_set_folder(c->sockets, c->service, PLAN_BPF) ||
	       socket_set_folder(c->sockets, c->service, PLAN_FOLDER);
}

void child_replace(struct child *c)
{
	if (!c->running) /* the next start takes the new sockets */
		return;
	if (c->retired_running || keeps_files(c)) {
		c->yields = true;
		err_ignore(spawn_signal(&c->process, SIGTERM)); /* it may have just ended */
		loop_timer_set_after(c->loop, &c->kill, CHILD_STOP_MS);
		return;
	}
	loop_remove(c->loop, &c->watch);
	c->retired = c->process;
	c->retired_running = true;
	c->running = c->ready = c->reloading = c->reload_wanted = false;
	enum err e =
		loop_add(c->loop, &c->retired_watch, c->retired.pidfd, LOOP_READ, retired_ended, c);
	if (e)
		log_error("the old process cannot be watched", LOG_TEXT("service", c->service),
			  LOG_ERR(e));
	child_start(c);
}

bool child_told_ready(struct child *c, pid_t pid)
{
	if (!c->running || c->process.pid != pid)
		return false;
	bool reloaded = c->reloading;
	c->reloading = false;
	if (!c->ready) {
		c->ready = true;
		log_info("ready", LOG_TEXT("service", c->service));
		if (c->retired_running) {
			err_ignore(spawn_signal(&c->retired, SIGTERM));
			loop_timer_set_after(c->loop, &c->kill, CHILD_STOP_MS);
		}
		if (c->reload_wanted)
			child_reload(c);
		c->changed(c->arg);
	} else if (reloaded) {
		c->changed(c->arg);
	}
	return true;
}

void child_stop(struct child *c)
{
	c->stopping = true;
	loop_timer_cancel(c->loop, &c->restart);
	if (c->running)
		err_ignore(spawn_signal(&c->process, SIGTERM)); /* it may have just ended */
	if (c->retired_running)
		err_ignore(spawn_signal(&c->retired, SIGTERM));
	if (!child_gone(c))
		loop_timer_set_after(c->loop, &c->kill, CHILD_STOP_MS);
}

void child_reload(struct child *c)
{
	c->reload_wanted = c->running && !c->ready && !c->yields;
	if (!c->ready || c->yields)
		return; /* one that does not run reads the file when it starts */
	c->reloading = true;
	err_ignore(spawn_signal(&c->process, SIGHUP));
}

bool child_serves(const struct child *c)
{
	return c->ready && !c->yields && !c->reloading && !c->reload_wanted;
}

bool child_gone(const struct child *c)
{
	return !c->running && !c->retired_running && !c->restart.set;
}

void child_done(struct child *c)
{
	loop_timer_cancel(c->loop, &c->restart);
	loop_timer_cancel(c->loop, &c->kill);
	loop_remove(c->loop, &c->watch);
	loop_remove(c->loop, &c->retired_watch);
	spawn_child_done(&c->process);
	spawn_child_done(&c->retired);
}
