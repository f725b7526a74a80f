#include "supervisor/supervisor.h"

#include "base/reader.h"
#include "base/writer.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/notify.h"
#include "supervisor/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PLAN_WAIT_MS = 30000,
	WAITS_MAX = 256,
	PLAN_CONFIG_WRONG = 2, /* what `gatehouse plan` then ends with */
	PLAN_BYTES_MAX = PLAN_RECORDS_MAX * (int)sizeof(struct plan_record),
};

struct supervisor {
	const struct supervisor_options *options;
	struct loop loop;
	struct notify notify; /* whoever started us */
	int ear_fd;	      /* where the services say READY */
	char ear[64];
	struct loop_watch ear_watch;
	struct socket_set sockets;
	struct child *children;
	bool told_ready, stopping;
};

/* --- the plan --- */

/* Records as they lie: one binary writes and reads them; each is checked before it is used. */
static enum err plan_read(const char *bytes, size_t len, struct plan *ret)
{
	struct reader r = reader_of(bytes, len);
	if (len % sizeof(struct plan_record) != 0 || len > PLAN_BYTES_MAX)
		return ERR_FORMAT;
	ret->n = len / sizeof(struct plan_record);
	ret->records = calloc(ret->n + 1, sizeof(*ret->records));
	if (!ret->records)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < ret->n; i++) {
		read_bytes(&r, &ret->records[i], sizeof(ret->records[i]));
		enum err e = plan_record_check(&ret->records[i]);
		if (e) {
			free(ret->records);
			return e;
		}
	}
	return reader_end(&r);
}

/* Has an unprivileged process of its own read the configuration. It has said what is wrong:
 * ERR_CONFIG with the configuration, ERR_REFUSED else. */
static enum err plan_capture(const struct supervisor *s, struct plan *ret)
{
	const char *argv[] = {"gatehouse", "plan", "-c", s->options->config_path, NULL};
	struct spawn spawn = SPAWN_INIT;
	struct spawn_end end;
	char *bytes = NULL;
	size_t len;
	spawn.argv = argv;
	TRY(spawn_capture(&spawn, PLAN_BYTES_MAX, PLAN_WAIT_MS, &bytes, &len, &end));
	enum err e = !end.signalled && end.code == PLAN_CONFIG_WRONG ? ERR_CONFIG
		     : end.signalled || end.code		     ? ERR_REFUSED
								     : plan_read(bytes, len, ret);
	free(bytes);
	return e;
}

static bool has_service(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->records[i].kind == PLAN_SERVICE)
			return true;
	return false;
}

static enum err plan_make(const struct supervisor *s, struct plan *ret)
{
	TRY(plan_capture(s, ret));
	if (has_service(ret))
		return OK;
	log_error("the configuration names no service", LOG_TEXT("file", s->options->config_path));
	free(ret->records);
	*ret = (struct plan){0};
	return ERR_CONFIG;
}

/* --- children --- */

static struct child *child_find(const struct supervisor *s, const char *service)
{
	for (struct child *c = s->children; c; c = c->next)
		if (strcmp(c->service, service) == 0 && !c->stopping)
			return c;
	return NULL;
}

static const struct plan_record *plan_service(const struct plan *plan, const char *service)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->records[i].kind == PLAN_SERVICE &&
		    strcmp(plan->records[i].service, service) == 0)
			return &plan->records[i];
	return NULL;
}

static void ready_tell(struct supervisor *s)
{
	if (s->told_ready || s->stopping)
		return;
	char waits[WAITS_MAX];
	struct writer w = writer_of(waits, sizeof(waits) - 1);
	for (const struct child *c = s->children; c; c = c->next)
		if (!c->stopping && !child_serves(c)) {
			write_text(&w, w.pos ? " " : "waits for: ");
			write_text(&w, c->service);
		}
	if (w.pos) {
		waits[w.pos] = '\0';
		err_ignore(notify_status(&s->notify, waits)); /* nobody to tell is no error */
		return;
	}
	s->told_ready = true;
	log_info("ready");
	if (notify_ready(&s->notify))
		log_warning("whoever started us cannot be told");
}

static void child_changed(void *arg)
{
	struct supervisor *s = arg;
	for (struct child **link = &s->children; *link;) {
		struct child *c = *link;
		if (!c->stopping || !child_gone(c)) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		child_done(c);
		free(c);
	}
	if (s->stopping && !s->children)
		loop_stop(&s->loop);
	ready_tell(s);
}

static void child_add(struct supervisor *s, const struct plan_record *service)
{
	struct child *c = calloc(1, sizeof(*c));
	if (!c) {
		log_error("no memory for a service", LOG_TEXT("service", service->service));
		return;
	}
	child_init(c, &s->loop, service);
	c->config_path = s->options->config_path;
	c->notify_path = s->ear;
	c->sockets = &s->sockets;
	c->changed = child_changed;
	c->arg = s;
	c->next = s->children;
	s->children = c;
	child_start(c);
}

static void ear_ready(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	struct notify_message m;
	struct span value;
	(void)events;
	while (notify_receive(s->ear_fd, &m) == OK) {
		if (!notify_field(&m, "READY", &value) || !span_is(value, "1"))
			continue;
		for (struct child *c = s->children; c; c = c->next)
			if (child_told_ready(c, m.pid))
				break;
	}
}

/* --- signals --- */

/* The plan has changed: services that are new start, those that are gone stop, those with other
 * sockets are replaced by a process that has them, the others reread the file. */
static void plan_follow(struct supervisor *s, const struct plan *plan,
			const struct socket_set *before)
{
	for (struct child *c = s->children; c; c = c->next) {
		const struct plan_record *r = plan_service(plan, c->service);
		if (c->stopping)
			continue;
		if (!r)
			child_stop(c);
		else if (strcmp(r->name, c->user) != 0 ||
			 !socket_set_same(before, &s->sockets, c->service)) {
			(void)snprintf(c->user, sizeof(c->user), "%s", r->name);
			child_replace(c);
		} else
			child_reload(c);
	}
	for (size_t i = 0; i < plan->n; i++)
		if (plan->records[i].kind == PLAN_SERVICE &&
		    !child_find(s, plan->records[i].service))
			child_add(s, &plan->records[i]);
}

/* What `before` had of sockets, without the descriptors: to compare with. */
static enum err set_shape(const struct socket_set *set, struct socket_set *ret)
{
	ret->entries = calloc(set->n + 1, sizeof(*ret->entries));
	if (!ret->entries)
		return (enum err)ENOMEM;
	ret->n = set->n;
	for (size_t i = 0; i < set->n; i++)
		ret->entries[i].record = set->entries[i].record;
	return OK;
}

static void reload_asked(void *arg, int signal)
{
	struct supervisor *s = arg;
	struct plan plan = {0};
	struct socket_set next, before;
	(void)signal;
	if (s->stopping)
		return;
	err_ignore(notify_reloading(&s->notify)); /* nobody to tell is no error */
	s->told_ready = false;
	enum err e = plan_make(s, &plan);
	if (!e)
		e = set_shape(&s->sockets, &before);
	if (!e) {
		e = socket_set_open(&plan, &s->sockets, &next);
		if (!e) {
			socket_set_done(&s->sockets, &next);
			s->sockets = next;
			plan_follow(s, &plan, &before);
		}
		free(before.entries);
	}
	free(plan.records);
	if (e)
		log_error("reload refused; all goes on as it was", LOG_ERR(e));
	child_changed(s); /* READY, as soon as all are */
}

static void stop_asked(void *arg, int signal)
{
	struct supervisor *s = arg;
	(void)signal;
	if (s->stopping)
		return;
	s->stopping = true;
	log_info("stopping");
	err_ignore(notify_stopping(&s->notify));
	for (struct child *c = s->children; c; c = c->next)
		child_stop(c);
	child_changed(s);
}

/* --- life --- */

static enum err open_all(struct supervisor *s)
{
	TRY(loop_init(&s->loop));
	TRY(notify_open(&s->notify));
	(void)snprintf(s->ear, sizeof(s->ear), "@gatehouse-%d-%llx", (int)getpid(),
		       (unsigned long long)clock_monotonic_us());
	TRY(notify_listen(s->ear, &s->ear_fd));
	TRY(loop_add(&s->loop, &s->ear_watch, s->ear_fd, LOOP_READ, ear_ready, s));
	TRY(loop_signal(&s->loop, SIGHUP, reload_asked, s));
	TRY(loop_signal(&s->loop, SIGTERM, stop_asked, s));
	return loop_signal(&s->loop, SIGINT, stop_asked, s);
}

static enum err start_all(struct supervisor *s)
{
	struct plan plan = {0};
	struct socket_set none = {0};
	TRY(plan_make(s, &plan));
	enum err e = socket_set_open(&plan, &none, &s->sockets);
	for (size_t i = 0; !e && i < plan.n; i++)
		if (plan.records[i].kind == PLAN_SERVICE)
			child_add(s, &plan.records[i]);
	free(plan.records);
	return e;
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options, .ear_fd = -1, .notify = {.fd = -1}};
	log_init(LOG_LEVEL_INFO, options->json_log ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
		 "supervisor");
	enum err e = open_all(&s);
	if (!e)
		e = start_all(&s);
	if (e)
		log_error("cannot start", LOG_ERR(e));
	else
		e = loop_run(&s.loop);
	while (s.children) {
		struct child *c = s.children;
		s.children = c->next;
		child_done(c);
		free(c);
	}
	socket_set_done(&s.sockets, NULL);
	loop_remove(&s.loop, &s.ear_watch);
	fd_done(&s.ear_fd);
	notify_done(&s.notify);
	loop_done(&s.loop);
	return e == ERR_CONFIG ? 2 : e ? 1 : 0;
}
