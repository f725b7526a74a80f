#include "service/vpn/io_store.h"

#include "base/writer.h"
#include "crypto/secret.h"
#include "os/log.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	REQUESTS_MAX = 1024,
	FEED_TURN = 512, /* rows of other gateways in a row, before the loop looks at the others */
};

static const char *const tables[VPN_TABLES] = {[VPN_TABLE_USERS] = "users",
					       [VPN_TABLE_SESSIONS] = "sessions",
					       [VPN_TABLE_PEERS] = "peers"};

struct vpn_store {
	struct vpn_store_setting setting;
	struct store *store;
	struct store_worker *worker;
	struct vpn_store_face faces[VPN_TABLES];
	size_t faces_n;
	uint64_t unreadable;
};

/* The password stands apart from the URL, which is shown; libpq takes it as a parameter of it. */
static void url_write(const struct vpn_store_setting *setting, char *ret, size_t size)
{
	struct writer w = writer_of(ret, size - 1);

	write_text(&w, setting->url);
	if (setting->password.len) {
		write_text(&w, strchr(setting->url, '?') ? "&password=" : "?password=");
		for (size_t i = 0; i < setting->password.len; i++)
			write_format(&w, "%%%02X", setting->password.data[i]);
	}
	ret[w.pos] = '\0';
}

enum err vpn_store_new(const struct vpn_store_setting *setting, struct vpn_store **ret)
{
	bool shared = strncmp(setting->url, "postgres", strlen("postgres")) == 0;
	struct vpn_store *s = calloc(1, sizeof(*s));
	char path[4096], url[4096];

	if (!s)
		return ENOMEM;
	ASSERT(shared || setting->folder);
	s->setting = *setting;
	(void)snprintf(path, sizeof(path), "%s/vpn.db", setting->folder ? setting->folder : "");
	url_write(setting, url, sizeof(url));
	const struct store_config config = {.url = shared ? url : NULL,
					    .path = path,
					    .tables = tables,
					    .tables_len = VPN_TABLES};
	enum err e = store_new(&config, &s->store);
	crypto_wipe(url, sizeof(url));
	if (e) {
		free(s);
		return e;
	}
	/* What it pointed to may go. */
	s->setting.url = s->setting.folder = NULL;
	s->setting.password = (struct span){0};
	*ret = s;
	return OK;
}

void vpn_store_stop(struct vpn_store *s)
{
	if (!s || !s->worker)
		return;
	store_worker_stop(s->worker);
	while (vpn_store_woken(s))
		;
	store_worker_free(TAKE(s->worker));
}

void vpn_store_free(struct vpn_store *s)
{
	if (!s)
		return;
	store_worker_free(TAKE(s->worker));
	store_free(s->store);
	free(s);
}

void vpn_store_add(struct vpn_store *s, const struct vpn_store_face *face)
{
	ASSERT(s->faces_n < VPN_TABLES);
	s->faces[s->faces_n++] = *face;
}

static const struct vpn_store_face *face_of(const struct vpn_store *s, unsigned table)
{
	for (size_t i = 0; i < s->faces_n; i++)
		if (s->faces[i].tables & (1u << table))
			return &s->faces[i];
	return NULL;
}

/* --- rows in --- */

static enum err learn(void *arg, const struct store_row *row)
{
	struct vpn_store *s = arg;
	const struct vpn_store_face *face = face_of(s, row->table);

	if (!face)
		return OK;
	enum err e = face->learn(face->arg, row);
	s->unreadable += e != OK;
	return e == (enum err)ENOMEM ? e : OK;
}

static void tell_begin(const struct vpn_store *s)
{
	for (size_t i = 0; i < s->faces_n; i++)
		if (s->faces[i].learn_begin)
			s->faces[i].learn_begin(s->faces[i].arg);
}

static void tell_end(const struct vpn_store *s)
{
	for (size_t i = 0; i < s->faces_n; i++)
		if (s->faces[i].learn_end)
			s->faces[i].learn_end(s->faces[i].arg);
}

static void state_error(struct vpn_store *s, const char *what, enum err e)
{
	struct store_state state;

	store_state(s->store, &state);
	log_error(what, LOG_TEXT("reason", state.reason), LOG_ERR(e));
}

enum err vpn_store_load(struct vpn_store *s)
{
	enum err e = store_open(s->store);

	if (store_is_permanent(e)) {
		state_error(s,
			    e == (enum err)EBUSY ? "another process has the store"
						 : "the store cannot be used",
			    e);
		return e;
	}
	if (!e) {
		tell_begin(s);
		for (unsigned table = 0; !e && table < VPN_TABLES; table++)
			e = store_load(s->store, table, learn, s);
		if (!e)
			tell_end(s);
	}
	if (e == (enum err)ENOMEM)
		return e;
	if (e)
		state_error(s, "the store is away; added peers and users come when it is back", e);
	if (s->unreadable)
		log_warning("rows of the store are left aside: torn, of a newer program, or sealed "
			    "with another key",
			    LOG_U64("rows", s->unreadable));
	return OK;
}

static void feed_take(struct vpn_store *s, const struct store_feed *f)
{
	switch (f->kind) {
	case STORE_FEED_BEGIN: tell_begin(s); return;
	case STORE_FEED_ROW: err_ignore(learn(s, &f->row)); return;
	case STORE_FEED_END: tell_end(s); return;
	}
}

/* --- writes out, and back --- */

enum err vpn_store_start(struct vpn_store *s)
{
	const struct store_worker_config config = {
		.store = s->store,
		.requests_max = REQUESTS_MAX,
		.value_max = STORE_VALUE_MAX,
		.cpu = -1,
		.wake = s->setting.wake,
		.wake_arg = s->setting.arg,
	};

	TRY(store_worker_new(&config, &s->worker));
	return store_worker_start(s->worker);
}

static void results_take(struct vpn_store *s)
{
	struct store_request *r;

	while ((r = store_worker_result(s->worker))) {
		const struct vpn_store_face *face = face_of(s, r->table);
		if (face)
			face->stored(face->arg, r);
		store_worker_give(s->worker, r);
	}
}

bool vpn_store_woken(struct vpn_store *s)
{
	struct store_feed feed;

	if (!s->worker)
		return false;
	results_take(s);
	for (unsigned rows = 0; rows < FEED_TURN; rows++) {
		if (!store_worker_feed(s->worker, &feed))
			return false;
		feed_take(s, &feed);
	}
	return true;
}

void vpn_store_flush(struct vpn_store *s)
{
	if (s->worker && store_worker_flush(s->worker))
		results_take(s);
}

enum err vpn_store_put(struct vpn_store *s, const struct vpn_store_write *w)
{
	struct store_request *r;

	if (w->key.len > STORE_KEY_MAX || w->value.len > STORE_VALUE_MAX || !s->worker)
		return ERR_LIMIT;
	r = store_worker_take(s->worker);
	if (!r)
		return ERR_LIMIT;
	r->table = w->table;
	r->remove = w->remove;
	r->expect = w->expect;
	r->version = w->version;
	r->number = w->number;
	r->arg = w->arg;
	r->key_len = (uint16_t)w->key.len;
	r->value_len = (uint16_t)w->value.len;
	memcpy(r->key, w->key.data, w->key.len);
	if (w->value.len)
		memcpy(r->value, w->value.data, w->value.len);
	store_worker_put(s->worker, r);
	return OK;
}
