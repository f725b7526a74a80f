#include "service/nat/io_log.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/udp.h"
#include "proto/ipfix/message.h"
#include "service/nat/conf_log.h"

#include <stdio.h>

enum { LINES_SIZE = 64 * 1024 };

static const char file_name[] = "translations.json";

/* --- opening --- */

static void open_file(struct nat_logger *l, const struct nat_log_conf *conf)
{
	char path[ROTATE_PATH_MAX];
	rotate_close(&l->file);
	l->file = ROTATE_FILE_CLOSED;
	l->file_error = OK;
	if (!conf->file)
		return;
	if (!l->folder[0]) {
		l->file_error = ERR_ABSENT;
		log_error("the log of translations has no folder: that is made at the start, and "
			  "`log: {file: on}` takes effect after a restart");
		return;
	}
	int n = snprintf(path, sizeof(path), "%s/%s", l->folder, file_name);
	l->file_error = n < 0 || (size_t)n >= sizeof(path)
				? (enum err)ENAMETOOLONG
				: rotate_open(path, conf->file_size, conf->files, &l->file);
	if (l->file_error)
		log_error("the log of translations cannot be opened", LOG_TEXT("path", path),
			  LOG_ERR(l->file_error));
}

static void open_collector(struct nat_logger *l, const struct nat_log_conf *conf)
{
	fd_done(&l->fd);
	if (conf->collector.address.family == 0)
		return;
	enum err e = udp_connect(&conf->collector, NULL, 0, &l->fd);
	if (e)
		log_error("the IPFIX collector cannot be reached",
			  LOG_ENDPOINT("collector", &conf->collector), LOG_ERR(e));
}

void nat_logger_configure(struct nat_logger *l, const struct nat_log_conf *conf)
{
	nat_log_configure(&l->log, conf);
	open_file(l, conf);
	open_collector(l, conf);
	l->domain = conf->domain;
	l->templates_ms = conf->templates_ms;
	l->templates_next_ms = 0;
}

/* --- IPFIX --- */

static void message_begin(const struct nat_logger *l, struct ipfix_message *m,
			  uint8_t room[IPFIX_UDP_MESSAGE_MAX])
{
	ipfix_begin(m, room, IPFIX_UDP_MESSAGE_MAX, (uint32_t)clock_wall_s(), l->sequence,
		    l->domain);
}

/* A collector that is not there costs its records and nothing else; that they are missing it sees
 * by the sequence. */
static void message_send(struct nat_logger *l, struct ipfix_message *m)
{
	if (ipfix_is_empty(m))
		return;
	uint32_t records = m->records;
	if (udp_write(l->fd, ipfix_end(m)))
		l->collector_lost += records;
	l->sequence += records;
}

static void send_templates(struct nat_logger *l)
{
	uint8_t room[IPFIX_UDP_MESSAGE_MAX];
	struct ipfix_message m;
	if (loop_now_ms(l->loop) < l->templates_next_ms)
		return;
	for (size_t next = 0; next < NAT_LOG_TEMPLATES;) {
		message_begin(l, &m, room);
		next = nat_log_templates(&m, next);
		message_send(l, &m);
	}
	l->templates_next_ms = loop_now_ms(l->loop) + l->templates_ms;
}

static void export(struct nat_logger *l, const struct nat_log_entry *e, struct ipfix_message *m,
		   uint8_t room[IPFIX_UDP_MESSAGE_MAX])
{
	if (nat_log_ipfix(e, m))
		return;
	message_send(l, m);
	message_begin(l, m, room);
	bool fits = nat_log_ipfix(e, m);
	ASSERT(fits);
}

/* --- lines --- */

static void write_lines(struct nat_logger *l, struct writer *w, uint64_t *lines)
{
	if (!w->pos)
		return;
	enum err e = rotate_write(&l->file, writer_span(w));
	if (e) {
		l->file_lost += *lines;
		if (e != l->file_error)
			log_error("the log of translations cannot be written", LOG_ERR(e));
	}
	l->file_error = e;
	*lines = 0;
	writer_rewind(w, 0);
}

static void flush(void *arg)
{
	struct nat_logger *l = arg;
	char text[LINES_SIZE];
	uint8_t room[IPFIX_UDP_MESSAGE_MAX];
	struct writer w = writer_of(text, sizeof(text));
	struct ipfix_message m;
	struct nat_log_entry e;
	uint64_t lines = 0;
	if (l->fd >= 0)
		send_templates(l);
	message_begin(l, &m, room);
	while (nat_log_take(&l->log, &e)) {
		if (writer_left(&w) < NAT_LOG_LINE_MAX)
			write_lines(l, &w, &lines);
		if (l->file.path[0]) {
			nat_log_json(&e, &w);
			lines++;
		} else if (l->file_error) {
			l->file_lost++;
		}
		if (l->fd >= 0)
			export(l, &e, &m, room);
	}
	write_lines(l, &w, &lines);
	if (l->fd >= 0)
		message_send(l, &m);
}

static void take_time(struct nat_logger *l)
{
	if (queue_used(&l->log.queue) == 0)
		nat_log_clock(&l->log, clock_wall_ms(), clock_monotonic_ms());
}

static void flush_soon(struct nat_logger *l)
{
	if (queue_used(&l->log.queue) && !l->flush.set)
		loop_timer_set_after(l->loop, &l->flush, 0);
}

void nat_logger_event(struct nat_logger *l, const struct nat_event *event)
{
	take_time(l);
	nat_log_event(&l->log, event);
	flush_soon(l);
}

void nat_logger_event6(struct nat_logger *l, const struct nat_event6 *event)
{
	take_time(l);
	nat_log_event6(&l->log, event);
	flush_soon(l);
}

/* --- its life --- */

enum err nat_logger_open(struct nat_logger *l, struct loop *loop, const char *folder,
			 const struct nat_log_conf *conf)
{
	*l = (struct nat_logger){.fd = -1, .file = ROTATE_FILE_CLOSED};
	TRY(nat_log_init(&l->log, conf));
	l->loop = loop;
	if (folder && !span_to_cstr(span_text(folder), l->folder, sizeof(l->folder)))
		log_error("the state folder's name is too long for a log");
	loop_timer_init(&l->flush, flush, l);
	nat_logger_configure(l, conf);
	return OK;
}

void nat_logger_done(struct nat_logger *l)
{
	if (!l->loop)
		return;
	flush(l);
	loop_timer_cancel(l->loop, &l->flush);
	rotate_close(&l->file);
	fd_done(&l->fd);
	nat_log_done(&l->log);
	l->loop = NULL;
}

static bool is_on(const struct nat_logger *l)
{
	return l->loop && (l->file.path[0] || l->fd >= 0 || l->file_error);
}

static void counter(struct writer *w, const char *name, const char *help, uint64_t value)
{
	write_format(w, "# HELP gatehouse_nat_log_%s %s\n# TYPE gatehouse_nat_log_%s counter\n",
		     name, help, name);
	write_format(w, "gatehouse_nat_log_%s{service=\"nat\"} %llu\n", name,
		     (unsigned long long)value);
}

void nat_logger_metrics(const struct nat_logger *l, struct writer *w)
{
	if (!is_on(l))
		return;
	counter(w, "entries_total", "Entries of the log of translations", l->log.told);
	counter(w, "lost_total", "Entries that the queue had no room for", nat_log_lost(&l->log));
	counter(w, "file_lost_total", "Entries that the file could not take", l->file_lost);
	counter(w, "collector_lost_total", "Entries that could not be sent to the collector",
		l->collector_lost);
}

json_t *nat_logger_status(const struct nat_logger *l)
{
	if (!is_on(l))
		return NULL;
	json_t *o =
		json_pack("{s:I,s:I}", "entries", (json_int_t)l->log.told, "lost",
			  (json_int_t)(nat_log_lost(&l->log) + l->file_lost + l->collector_lost));
	if (l->file.path[0])
		(void)json_object_set_new(o, "file", json_string(l->file.path));
	if (l->file_error)
		(void)json_object_set_new(o, "error", json_string(err_text(l->file_error)));
	if (l->fd >= 0)
		(void)json_object_set_new(o, "exported", json_integer(l->sequence));
	return o;
}
