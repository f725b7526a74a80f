#include "service/forward-proxy/io_authority.h"

#include "crypto/secret.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "service/forward-proxy/inspect/authority.h"
#include "service/forward-proxy/io_forward.h"
#include "service/forward-proxy/io_inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096, OWNER_ONLY = 0600, SHOWN_MAX = 50 };

/* ---- the file ---- */

static enum err path_of(const char *state, char ret[PATH_SIZE])
{
	int n = snprintf(ret, PATH_SIZE, "%s/authority.pem", state);
	return n > 0 && n < PATH_SIZE ? OK : ERR_LIMIT;
}

static enum err make(const char *path, const char *called)
{
	char text[INSPECT_AUTHORITY_TEXT_MAX];
	enum err e = inspect_authority_make(called, clock_wall_s(), text);
	if (!e)
		e = file_write_atomic(path, span_text(text), OWNER_ONLY);
	crypto_wipe(text, sizeof(text));
	if (!e)
		log_info("a new authority for TLS inspection is made; clients need its certificate",
			 LOG_TEXT("file", path));
	return e;
}

static enum err read_from(const char *path, struct inspect_authority **ret)
{
	char *text = NULL;
	size_t len = 0;
	TRY(file_read(path, INSPECT_AUTHORITY_TEXT_MAX, &text, &len));
	enum err e = inspect_authority_read(span_of(text, len), ret);
	crypto_wipe(text, len);
	free(text);
	return e;
}

static void tell_time(const struct inspect_authority *a)
{
	uint64_t until_s = inspect_authority_time(a).until_s, now_s = clock_wall_s();
	if (until_s < now_s)
		log_error("the authority of TLS inspection is out of its time: `gatehouse proxy "
			  "authority rotate` makes another");
	else if (until_s - now_s < INSPECT_AUTHORITY_WARN_S)
		log_warning("the authority of TLS inspection ends soon: `gatehouse proxy authority "
			    "rotate` makes another",
			    LOG_U64("days", (until_s - now_s) / 86400));
}

enum err forward_authority_open(const char *state, const char *called, bool anew,
				struct inspect_authority **ret)
{
	char path[PATH_SIZE];
	enum err e = path_of(state, path);
	bool was_there = false;
	if (!e && !anew) {
		e = read_from(path, ret);
		was_there = e != (enum err)ENOENT;
	}
	if (!e && anew)
		e = (enum err)ENOENT;
	/* One that is there and cannot be read is not replaced: people have installed it. */
	if (e == (enum err)ENOENT && !was_there) {
		e = make(path, called);
		if (!e)
			e = read_from(path, ret);
	}
	if (e)
		log_error("the authority of TLS inspection cannot be used", LOG_TEXT("file", path),
			  LOG_ERR(e));
	else
		tell_time(*ret);
	return e;
}

/* ---- verbs ---- */

static json_t *authority_json(const struct inspect_authority *a)
{
	struct span pem = inspect_authority_pem(a);
	struct certificate_time time = inspect_authority_time(a);
	return json_pack("{s:s, s:I, s:I, s:s%}", "fingerprint", inspect_authority_fingerprint(a),
			 "from", (json_int_t)time.from_s, "until", (json_int_t)time.until_s, "pem",
			 (const char *)pem.data, pem.len);
}

static bool is_on(const struct forward_proxy *p, struct control_reply *reply)
{
	if (p->authority && p->site->conf->has_inspection)
		return true;
	control_reply_error(reply, 404, "TLS is not inspected: there is no `inspection`");
	return false;
}

void forward_authority_show(void *arg, const struct control_request *req,
			    struct control_reply *reply)
{
	const struct forward_proxy *p = arg;
	(void)req;
	if (is_on(p, reply))
		control_reply_json(reply, 200, authority_json(p->authority));
}

/* Another one in the place of what is in force. */
static enum err replace(struct forward_proxy *p)
{
	struct inspect_authority *before = p->authority, *next = NULL;
	enum err e = forward_authority_open(service_life_state(&p->life), p->site->conf->name, true,
					    &next);
	if (!e) {
		p->authority = next;
		e = forward_apply(p, p->life.config);
	}
	if (e)
		p->authority = before;
	inspect_authority_unref(e ? next : before);
	return e;
}

/* What stays in force is what the next start must find, as people have installed it. */
static void put_back(const char *path, struct span text)
{
	enum err e = text.len ? file_write_atomic(path, text, OWNER_ONLY) : OK;
	if (e)
		log_error("the authority of TLS inspection that is in force cannot be put back: "
			  "the next start finds another one",
			  LOG_TEXT("file", path), LOG_ERR(e));
}

static enum err rotate(struct forward_proxy *p)
{
	char path[PATH_SIZE], *text = NULL;
	size_t len = 0;
	TRY(path_of(service_life_state(&p->life), path));
	enum err e = file_read(path, INSPECT_AUTHORITY_TEXT_MAX, &text, &len);
	if (!e || e == (enum err)ENOENT) {
		e = replace(p);
		if (e)
			put_back(path, span_of(text, len));
	}
	if (text)
		crypto_wipe(text, len);
	free(text);
	return e;
}

void forward_authority_rotate(void *arg, const struct control_request *req,
			      struct control_reply *reply)
{
	struct forward_proxy *p = arg;
	(void)req;
	if (!is_on(p, reply))
		return;
	if (rotate(p))
		control_reply_error(reply, 500, "it could not be made; the log says why");
	else
		control_reply_json(reply, 200, authority_json(p->authority));
}

/* Those of all workers, the most often met first. */
static json_t *names_json(const struct forward_proxy *p, enum forward_tally which)
{
	struct busiest_row *rows = calloc(p->workers_started + 1, BUSIEST_MAX * sizeof(*rows));
	json_t *list = json_array();
	size_t n = 0;
	for (size_t i = 0; rows && i < p->workers_started; i++) {
		struct forward_inspection *from = p->workers[i].inspection;
		const struct busiest *b = &from->names[which];
		(void)pthread_mutex_lock(&from->lock);
		memcpy(rows + n, b->rows, b->n * sizeof(*rows));
		n += b->n;
		(void)pthread_mutex_unlock(&from->lock);
	}
	n = rows ? busiest_merge(rows, n) : 0;
	for (size_t i = 0; i < n && i < SHOWN_MAX; i++)
		(void)json_array_append_new(list, json_pack("{s:s%, s:I}", "name", rows[i].text,
							    (size_t)rows[i].len, "times",
							    (json_int_t)rows[i].requests));
	free(rows);
	return list;
}

static json_int_t count_of(const struct forward_proxy *p, enum forward_count which)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->workers_started; i++)
		n += atomic_load_explicit(&p->workers[i].counts[which], memory_order_relaxed);
	return (json_int_t)n;
}

void forward_inspection_show(void *arg, const struct control_request *req,
			     struct control_reply *reply)
{
	const struct forward_proxy *p = arg;
	(void)req;
	if (!is_on(p, reply))
		return;
	control_reply_json(reply, 200,
			   json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
				     "fingerprint", inspect_authority_fingerprint(p->authority),
				     "inspected", count_of(p, FORWARD_COUNT_INSPECTED), "skipped",
				     count_of(p, FORWARD_COUNT_INSPECT_SKIPPED), "left",
				     count_of(p, FORWARD_COUNT_INSPECT_LEFT), "bad",
				     count_of(p, FORWARD_COUNT_INSPECT_BAD), "refused",
				     count_of(p, FORWARD_COUNT_INSPECT_REFUSED), "gone",
				     count_of(p, FORWARD_COUNT_INSPECT_GONE), "refused_names",
				     names_json(p, TALLY_REFUSED), "gone_names",
				     names_json(p, TALLY_GONE), "left_names",
				     names_json(p, TALLY_LEFT), "bad_names",
				     names_json(p, TALLY_BAD)));
}
