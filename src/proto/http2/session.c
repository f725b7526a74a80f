#include "proto/http2/session.h"

#include "proto/http2/session_inner.h"

enum {
	ACKS_MAX = 128,	   /* acknowledgements that wait to be written */
	SETTINGS_MAX = 32, /* entries of one SETTINGS frame */
	/* The library counts a frame anew with each piece that the network cuts its head into. */
	CONTINUATION_PIECES_MAX = 9 * 9,
	STREAMS_BEFORE_SETTINGS = 100,
	SETTINGS_N = 6,
};

static void set_options(const struct http2_role *r)
{
	nghttp2_option *o = r->option;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_outbound_ack(o, ACKS_MAX);
	nghttp2_option_set_max_settings(o, SETTINGS_MAX);
	nghttp2_option_set_max_continuations(o, CONTINUATION_PIECES_MAX);
	nghttp2_option_set_max_reserved_remote_streams(o, 0);
	nghttp2_option_set_peer_max_concurrent_streams(o, STREAMS_BEFORE_SETTINGS);
	/* The library's own limit reads a clock; flood.h has ours. */
	nghttp2_option_set_stream_reset_rate_limit(o, UINT64_MAX, UINT64_MAX);
	/* RFC 9218: PRIORITY_UPDATE; the library reads the field Priority as well. */
	if (r->side == HTTP2_SERVER)
		nghttp2_option_set_builtin_recv_extension_type(o, NGHTTP2_PRIORITY_UPDATE);
}

enum err http2_role_init(struct http2_role *r, enum http2_side side,
			 const struct http2_limits *limits, const struct http2_events *events)
{
	ASSERT(limits->streams_max > 0 && limits->window >= NGHTTP2_INITIAL_WINDOW_SIZE);
	ASSERT(limits->window <= INT32_MAX && limits->window_stream <= INT32_MAX);
	*r = (struct http2_role){.side = side, .limits = *limits, .events = events};
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return ENOMEM;
	r->callbacks = callbacks;
	http2_receive_callbacks(callbacks);
	http2_write_callbacks(callbacks);
	nghttp2_option *option;
	if (nghttp2_option_new(&option) != 0) {
		http2_role_done(r);
		return ENOMEM;
	}
	r->option = option;
	set_options(r);
	return OK;
}

void http2_role_done(struct http2_role *r)
{
	nghttp2_option_del(r->option);
	nghttp2_session_callbacks_del(r->callbacks);
	*r = (struct http2_role){0};
}

static void *take(size_t size, void *account)
{
	return http2_heap_take(account, size);
}

static void give(void *piece, void *account)
{
	http2_heap_give(account, piece);
}

static void *take_zeroed(size_t n, size_t size, void *account)
{
	size_t bytes;
	return __builtin_mul_overflow(n, size, &bytes) ? NULL : http2_heap_take(account, bytes);
}

static void *resize(void *piece, size_t size, void *account)
{
	return http2_heap_resize(account, piece, size);
}

/* RFC 9113 3.4: the first frame each side sends. */
static enum err announce(struct http2_session *s)
{
	const struct http2_limits *l = &s->role->limits;
	bool server = s->role->side == HTTP2_SERVER;
	nghttp2_settings_entry e[SETTINGS_N];
	size_t n = 0;
	e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, l->window_stream};
	e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, l->head_max};
	e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
	if (server)
		e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
						  l->streams_max};
	else
		e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
	if (server && l->connect_protocol)
		e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
	if (nghttp2_submit_settings(s->h2, NGHTTP2_FLAG_NONE, e, n) != 0)
		return ENOMEM;
	if (nghttp2_session_set_local_window_size(s->h2, NGHTTP2_FLAG_NONE, 0,
						  (int32_t)l->window) != 0)
		return ENOMEM;
	return OK;
}

static enum err make(struct http2_session *s)
{
	nghttp2_mem mem = {.mem_user_data = &s->account,
			   .malloc = take,
			   .free = give,
			   .calloc = take_zeroed,
			   .realloc = resize};
	const struct http2_role *r = s->role;
	int failed =
		r->side == HTTP2_SERVER
			? nghttp2_session_server_new3(&s->h2, r->callbacks, s, r->option, &mem)
			: nghttp2_session_client_new3(&s->h2, r->callbacks, s, r->option, &mem);
	if (failed)
		return ENOMEM;
	if (r->side == HTTP2_CLIENT) {
		s->unsent = http2_heap_take(&s->account,
					    r->limits.streams_max * sizeof(struct http2_unsent));
		if (!s->unsent)
			return ENOMEM;
	}
	return announce(s);
}

enum err http2_session_new(const struct http2_role *role, struct http2_heap *heap,
			   struct http2_counts *counts, void *of, struct http2_session **ret)
{
	struct http2_account account = {.heap = heap, .max = role->limits.memory_max};
	struct http2_session *s = http2_heap_take(&account, sizeof(*s));
	if (!s)
		return ENOMEM;
	*s = (struct http2_session){.role = role, .account = account, .counts = counts, .of = of};
	http2_flood_init(&s->guard);
	enum err e = make(s);
	if (e) {
		http2_session_free(s);
		return e;
	}
	*ret = s;
	return OK;
}

void http2_session_free(struct http2_session *s)
{
	if (!s)
		return;
	http2_incoming_free(s);
	nghttp2_session_del(s->h2);
	http2_heap_give(&s->account, s->unsent);
	struct http2_account account = s->account;
	http2_heap_give(&account, s);
}

int http2_session_flooded(struct http2_session *s, enum http2_flood kind)
{
	if (!s->over) {
		s->over = ERR_LIMIT;
		s->counts->floods[kind]++;
		/* Out of memory: then there is no GOAWAY. */
		(void)nghttp2_session_terminate_session(s->h2, NGHTTP2_ENHANCE_YOUR_CALM);
	}
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

bool http2_session_wants_write(const struct http2_session *s)
{
	return s->pending.len || nghttp2_session_want_write(s->h2);
}

bool http2_session_is_over(const struct http2_session *s)
{
	return !http2_session_wants_write(s) && (s->over || !nghttp2_session_want_read(s->h2));
}

uint32_t http2_session_streams(const struct http2_session *s)
{
	return s->streams;
}

void http2_session_consumed(struct http2_session *s, uint32_t id, size_t n)
{
	/* Out of memory shows in write. */
	if (n)
		(void)nghttp2_session_consume(s->h2, (int32_t)id, n);
}

void http2_session_reset(struct http2_session *s, uint32_t id, enum http2_code code)
{
	(void)nghttp2_session_set_stream_user_data(s->h2, (int32_t)id, NULL);
	for (uint32_t i = 0; i < s->unsent_n; i++)
		if (s->unsent[i].id == id)
			s->unsent[i].stream = NULL;
	(void)nghttp2_submit_rst_stream(s->h2, NGHTTP2_FLAG_NONE, (int32_t)id, code);
}

void http2_session_resume(struct http2_session *s, uint32_t id)
{
	/* Refused when nothing was deferred: then the body is asked for anyway. */
	(void)nghttp2_session_resume_data(s->h2, (int32_t)id);
}

void http2_session_ping(struct http2_session *s, const uint8_t opaque[8])
{
	(void)nghttp2_submit_ping(s->h2, NGHTTP2_FLAG_NONE, opaque);
}

void http2_session_drain(struct http2_session *s)
{
	(void)nghttp2_submit_shutdown_notice(s->h2);
}

void http2_session_drain_end(struct http2_session *s)
{
	(void)nghttp2_submit_goaway(s->h2, NGHTTP2_FLAG_NONE,
				    nghttp2_session_get_last_proc_stream_id(s->h2),
				    NGHTTP2_NO_ERROR, NULL, 0);
}

void http2_session_end(struct http2_session *s, enum http2_code code)
{
	if (!s->over)
		s->over = ERR_CLOSED;
	(void)nghttp2_session_terminate_session(s->h2, code);
}
