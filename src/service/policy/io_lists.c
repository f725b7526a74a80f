#include "service/policy/io_lists.h"

#include "base/siphash.h"
#include "base/writer.h"
#include "config/config.h"
#include "crypto/random.h"
#include "crypto/tls.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/log.h"
#include "proto/http/http1.h"
#include "service/policy/io_judge.h"
#include "service/policy/io_maker.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FETCHES_MAX = 4,  /* at once */
	BUSY_MS = 500,	  /* until the next try to be one of them */
	LOOK_MS = 1000,	  /* between two looks at a file */
	AGAIN_MS = 5000,  /* until a file is tried again that could not be copied */
	RETRY_MS = 15000, /* after a failure, and twice that after each further one */
	RETRY_MAX_MS = 6 * 3600 * 1000,
	FETCH_MS = 900 * 1000, /* of one list */
	ADDRESS_MS = 10 * 1000,
	IDLE_MS = 30 * 1000,
	REDIRECTS_MAX = 5,
};

static const uint8_t name_key[SIPHASH_KEY_LEN] = "a list's own ..";

/* --- when --- */

/* Up to a tenth less: who begins together does not come back together. */
static uint64_t jitter(uint64_t ms)
{
	uint64_t n = 0;
	err_ignore(crypto_random(&n, sizeof(n))); /* 0 is as good when the kernel gives none */
	return ms - n % (ms / 10 + 1);
}

static void due_in(struct list *l, uint64_t ms)
{
	l->next_s = (clock_wall_ms() + ms) / 1000;
	loop_timer_set_after(l->of->loop, &l->timer, ms);
}

static uint64_t retry_ms(const struct list *l)
{
	uint64_t ms = RETRY_MS;
	for (unsigned i = 1; i < l->failures && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	ms = ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
	return ms < l->refresh_ms ? ms : l->refresh_ms;
}

/* --- how it ends --- */

static void rest(struct list *l)
{
	l->state = LIST_RESTS;
	l->force = false;
	fd_done(&l->fd);
}

static void failed(struct list *l, const char *why)
{
	bool new = strcmp(l->why, why) != 0;
	rest(l);
	(void)unlink(l->temp);
	l->failures++;
	l->of->counts.failed += l->is_url || new; /* a file is looked at all the time */
	(void)span_to_cstr(span_sub(span_text(why), 0, sizeof(l->why) - 1), l->why, sizeof(l->why));
	if (new)
		log_warning(l->names_before ? "a list could not be renewed: the last one stays"
					    : "a list could not be had",
			    LOG_TEXT("list", l->name), LOG_TEXT("from", l->at),
			    LOG_TEXT("why", why));
	due_in(l, l->is_url ? jitter(retry_ms(l)) : LOOK_MS);
}

static void succeeded(struct list *l)
{
	rest(l);
	l->failures = 0;
	l->why[0] = '\0';
	l->checked_s = clock_wall_s();
	due_in(l, l->is_url ? jitter(l->refresh_ms) : LOOK_MS);
}

static void list_free(struct list *l)
{
	if (!l)
		return;
	if (fetch_runs(&l->fetch))
		l->of->fetching--;
	fetch_free(&l->fetch);
	loop_timer_cancel(l->of->loop, &l->timer);
	fd_done(&l->fd);
	if (l->temp)
		(void)unlink(l->temp);
	free(l->at);
	free(l->path);
	free(l->temp);
	free(l);
}

/* --- judged --- */

static void judge_work(void *arg)
{
	list_judge(arg);
}

static void judge_after(void *arg)
{
	struct list *l = arg;
	if (l->orphan) {
		list_free(l);
		return;
	}
	if (l->err || l->refused) {
		failed(l, l->refused ? l->refused : err_text(l->err));
		/* A full disk says nothing of the file: it is tried again, the same as it is. */
		if (l->err && !l->is_url) {
			l->seen = (struct file_state){0};
			due_in(l, AGAIN_MS);
		}
		return;
	}
	l->kept = l->next;
	l->has_kept = true;
	l->moved = false;
	l->names_before = l->kept.names;
	if (l->same)
		l->of->counts.unchanged++;
	else
		l->of->counts.fetched++;
	succeeded(l);
	if (l->same)
		return;
	log_info("a list was renewed", LOG_TEXT("list", l->name), LOG_U64("names", l->kept.names),
		 LOG_U64("octets", l->kept.text_len));
	l->of->changed(l->of->arg);
}

bool lists_give(struct lists *lists)
{
	for (size_t i = 0; i < lists->n; i++) {
		struct list *l = lists->items[i];
		if (l->state != LIST_WAITS)
			continue;
		l->state = LIST_JUDGED;
		l->most = l->size_max; /* a reload may change it meanwhile */
		maker_give(lists->maker, judge_work, judge_after, l);
		return true;
	}
	return false;
}

/* What came waits; the maker is told when it has nothing to do, else it asks by itself. */
static void wait_for_judge(struct list *l)
{
	l->state = LIST_WAITS;
	l->next.taken_s = clock_wall_s();
	l->next.text_len = l->came_len;
	if (!maker_is_busy(l->of->maker))
		(void)lists_give(l->of);
}

/* --- the fetch --- */

static enum err sink(void *arg, struct span piece)
{
	struct list *l = arg;
	while (piece.len) {
		ssize_t n =
			pwrite(l->fd, piece.data, piece.len, (off_t)(KEPT_HEAD_LEN + l->came_len));
		if (n < 0 && errno != EINTR)
			return err_errno();
		size_t len = n > 0 ? (size_t)n : 0;
		piece = span_sub(piece, len, piece.len);
		l->came_len += len;
	}
	return OK;
}

static void tag_take(const struct http_response *r, const char *field, char to[KEPT_TAG_MAX])
{
	const struct http_field *f = http_head_find(&r->head, field);
	if (!f || !span_to_cstr(f->value, to, KEPT_TAG_MAX))
		to[0] = '\0';
}

static void answered(void *arg, const struct fetch_answer *answer, enum err why)
{
	struct list *l = arg;
	const char *fault = fetch_fault(&l->fetch);
	char text[LIST_WHY_MAX];
	l->of->fetching--;
	if (!answer) {
		(void)snprintf(text, sizeof(text), "%s%s%s",
			       why == ERR_ABSENT ? "its server has no address" : err_text(why),
			       *fault ? ": " : "", fault);
		failed(l, text);
		return;
	}
	if (answer->response->status == 304 && l->has_kept && !l->moved && !l->force) {
		(void)unlink(l->temp);
		l->of->counts.unchanged++;
		succeeded(l);
		return;
	}
	if (answer->response->status != 200) {
		unsigned status = answer->response->status;
		(void)snprintf(text, sizeof(text), "the server's answer is %u %s", status,
			       http_reason(status));
		failed(l, text);
		return;
	}
	tag_take(answer->response, "ETag", l->next.etag);
	tag_take(answer->response, "Last-Modified", l->next.modified);
	wait_for_judge(l);
}

/* RFC 9110 13.1.2, 13.1.3: both, as a server may know only one. */
static struct span conditions(const struct list *l, uint8_t *room, size_t size)
{
	struct writer w = writer_of(room, size);
	if (l->force || !l->has_kept || l->moved)
		return (struct span){0};
	if (l->kept.etag[0])
		http_write_header(&w, "If-None-Match", span_text(l->kept.etag));
	if (l->kept.modified[0])
		http_write_header(&w, "If-Modified-Since", span_text(l->kept.modified));
	return w.bad ? (struct span){0} : writer_span(&w);
}

static enum err ask(struct list *l)
{
	uint8_t room[2 * KEPT_TAG_MAX + 64];
	const struct fetch_question q = {.method = "GET",
					 .url = l->at,
					 .agent = "gatehouse-policy",
					 .fields = conditions(l, room, sizeof(room)),
					 .resolvers = {l->of->resolvers, l->of->resolvers_n},
					 .total_ms = FETCH_MS,
					 .address_ms = ADDRESS_MS,
					 .idle_ms = IDLE_MS,
					 .body_max = l->size_max,
					 .redirects_max = REDIRECTS_MAX,
					 .gzip = true,
					 .every_address = true};
	l->fd = open(l->temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->fd < 0)
		return err_errno();
	l->came_len = 0;
	return fetch_ask(&l->fetch, &q);
}

static void begin_fetch(struct list *l)
{
	if (l->of->fetching >= FETCHES_MAX) {
		loop_timer_set_after(l->of->loop, &l->timer, BUSY_MS);
		return;
	}
	enum err e = ask(l);
	if (e) {
		failed(l, e == ERR_UNSUPPORTED ? "nobody is trusted over TLS: write `ca: FILE`"
					       : err_text(e));
		return;
	}
	l->of->fetching++;
	l->state = LIST_FETCHES;
}

/* --- the file --- */

static void look_at_file(struct list *l)
{
	struct file_state now;
	enum err e = file_stat(l->at, &now);
	if (e) {
		l->seen = (struct file_state){0};
		failed(l, err_text(e));
		return;
	}
	bool same = now.mtime_ns == l->seen.mtime_ns && now.size == l->seen.size &&
		    now.inode == l->seen.inode;
	if (same && !l->force) {
		due_in(l, LOOK_MS);
		return;
	}
	l->seen = now;
	wait_for_judge(l);
}

static void due(void *arg)
{
	struct list *l = arg;
	if (l->state != LIST_RESTS)
		return;
	if (l->is_url)
		begin_fetch(l);
	else
		look_at_file(l);
}

void list_refresh(struct list *l, bool force)
{
	if (l->state != LIST_RESTS)
		return;
	l->force = force;
	l->seen = (struct file_state){0};
	loop_timer_set_after(l->of->loop, &l->timer, 0);
}

void list_lost(struct list *l)
{
	log_error("what was kept of a list is spoilt: it is asked for anew at once",
		  LOG_TEXT("list", l->name), LOG_TEXT("file", l->path));
	l->has_kept = l->moved = false;
	list_refresh(l, false);
}

void list_names_are(struct list *l, uint64_t names)
{
	if (!l->has_kept)
		l->names_before = names;
}

/* --- all of them --- */

void lists_init(struct lists *l, struct loop *loop, struct maker *maker, const char *folder)
{
	*l = (struct lists){.loop = loop, .maker = maker, .folder = folder};
}

struct list *lists_find(const struct lists *lists, struct span name)
{
	for (size_t i = 0; i < lists->n; i++)
		if (span_equal(span_text(lists->items[i]->name), name))
			return lists->items[i];
	return NULL;
}

/* What was kept under its name, by the last process or when it came from elsewhere. */
static void load(struct list *l)
{
	AUTO_DONE(file_unmap) struct file_map map = {0};
	struct span text;
	enum err e = file_map(l->path, &map);
	if (!e)
		e = kept_read(map.bytes, &l->kept, &text);
	l->has_kept = !e;
	l->moved = !e && strcmp(l->kept.from, l->at) != 0;
	l->names_before = e ? 0 : l->kept.names;
	if (l->has_kept && !l->moved)
		l->checked_s = l->kept.taken_s;
	if (l->moved)
		log_info("a list comes from elsewhere now: what is kept of it stands in until then",
			 LOG_TEXT("list", l->name), LOG_TEXT("from", l->at),
			 LOG_TEXT("kept", l->kept.from));
	if (e && e != (enum err)ENOENT)
		log_error("what was kept of a list cannot be read: it is asked for anew at once",
			  LOG_TEXT("list", l->name), LOG_TEXT("file", l->path), LOG_ERR(e));
}

static enum err list_new(struct lists *lists, const struct policy_source *from, struct list **ret)
{
	struct list *l = calloc(1, sizeof(*l));
	if (!l)
		return ENOMEM;
	/* Names may hold what no name of a file may. What comes has a file of its own: one of the
	 * same name that the configuration has no more may still be judged. */
	unsigned long long id = siphash24(name_key, from->name.data, from->name.len);
	unsigned long long turn = ++lists->made_n;
	l->of = lists;
	l->fd = -1;
	fetch_init(&l->fetch, lists->loop, answered, l);
	l->fetch.sink = sink;
	loop_timer_init(&l->timer, due, l);
	(void)span_to_cstr(from->name, l->name, sizeof(l->name));
	l->is_url = from->kind == POLICY_SOURCE_URL;
	l->at = strdup(from->at);
	if (asprintf(&l->path, "%s/list-%016llx", lists->folder, id) < 0)
		l->path = NULL;
	if (asprintf(&l->temp, "%s/list-%016llx.%llu.new", lists->folder, id, turn) < 0)
		l->temp = NULL;
	if (!l->at || !l->path || !l->temp) {
		list_free(l);
		return ENOMEM;
	}
	(void)span_to_cstr(span_text(l->at), l->next.from, sizeof(l->next.from));
	load(l);
	*ret = l;
	return OK;
}

static void drop(struct list *l)
{
	l->orphan = true;
	if (l->state != LIST_JUDGED)
		list_free(l);
}

static bool is_of(const struct list *l, const struct policy_source *from)
{
	return span_equal(span_text(l->name), from->name) && strcmp(l->at, from->at) == 0 &&
	       l->is_url == (from->kind == POLICY_SOURCE_URL);
}

static enum err want(struct lists *lists, const struct policy_source *from, struct list *const *old,
		     size_t old_n)
{
	struct list *l = NULL;
	for (size_t i = 0; i < old_n && !l; i++)
		if (is_of(old[i], from))
			l = old[i];
	bool new = !l;
	if (new)
		TRY(list_new(lists, from, &l));
	bool sooner = l->refresh_ms > from->refresh_ms;
	l->wanted = true;
	l->refresh_ms = from->refresh_ms;
	l->size_max = from->size_max;
	lists->items[lists->n++] = l;
	if ((new || sooner) && l->state == LIST_RESTS) {
		uint64_t age_ms = (clock_wall_s() - l->checked_s) * 1000;
		bool fresh = l->is_url && l->has_kept && !l->moved && age_ms < l->refresh_ms;
		due_in(l, fresh ? jitter(l->refresh_ms - age_ms) : 0);
	}
	return OK;
}

enum err lists_set(struct lists *lists, const struct policy_conf *conf,
		   const struct policy_conf_setup *setup, struct tls_client *trust)
{
	struct list *old[POLICY_LISTS_MAX];
	size_t old_n = lists->n;
	enum err e = OK;
	const struct ip_endpoint *resolvers = conf->resolver.items;
	for (size_t i = 0; i < old_n; i++)
		old[i] = lists->items[i];
	lists->n = 0;
	for (lists->resolvers_n = 0; lists->resolvers_n < conf->resolver.n; lists->resolvers_n++)
		lists->resolvers[lists->resolvers_n] = resolvers[lists->resolvers_n];
	for (size_t i = 0; !e && i < setup->setup.lists_n; i++)
		if (setup->sources[i].kind != POLICY_SOURCE_LINES)
			e = want(lists, &setup->sources[i], old, old_n);
	for (size_t i = 0; i < old_n; i++)
		if (!old[i]->wanted)
			drop(old[i]);
	tls_client_unref(lists->trust);
	lists->trust = trust ? tls_client_ref(trust) : NULL;
	for (size_t i = 0; i < lists->n; i++) {
		struct list *l = lists->items[i];
		l->wanted = false;
		if (fetch_runs(&l->fetch)) { /* it begins anew with whom we trust now */
			lists->fetching--;
			rest(l);
			due_in(l, 0);
		}
		fetch_trust(&l->fetch, trust);
	}
	return e;
}

void lists_done(struct lists *lists)
{
	for (size_t i = 0; i < lists->n; i++)
		list_free(lists->items[i]);
	lists->n = 0;
	tls_client_unref(TAKE(lists->trust));
}
