#include "proto/http2/session_inner.h"

/* A head this many times the limit is an attack (HPACK: one byte of the wire is a whole field). */
enum { HEAD_BOMB = 8, FIELD_OVERHEAD = 32 };
/* CONTINUATION frames of a head, of 16 KiB each: more than any limit of a head. */
enum { CONTINUATIONS_MAX = 8 };

static void *stream_of(struct http2_session *s, int32_t id)
{
	return nghttp2_session_get_stream_user_data(s->h2, id);
}

static bool takes(struct http2_session *s, enum http2_flood kind)
{
	return http2_flood_take(&s->guard, kind);
}

static bool is_empty_data(const nghttp2_frame_hd *hd)
{
	if (hd->flags & NGHTTP2_FLAG_END_STREAM)
		return false;
	/* A frame this short with padding is padding only, or nearly so. */
	return hd->length == 0 || ((hd->flags & NGHTTP2_FLAG_PADDED) && hd->length <= 256);
}

/* What a frame costs by its type alone; HTTP2_FLOODS: nothing. */
static enum http2_flood cost_of(const nghttp2_frame_hd *hd)
{
	bool ack = hd->flags & NGHTTP2_FLAG_ACK;
	switch (hd->type) {
	case NGHTTP2_DATA: return is_empty_data(hd) ? HTTP2_FLOOD_EMPTY : HTTP2_FLOODS;
	case NGHTTP2_PRIORITY:
	case NGHTTP2_PRIORITY_UPDATE: return HTTP2_FLOOD_PRIORITY;
	case NGHTTP2_RST_STREAM: return HTTP2_FLOOD_RESET;
	case NGHTTP2_SETTINGS: return ack ? HTTP2_FLOODS : HTTP2_FLOOD_SETTINGS;
	case NGHTTP2_PING: return HTTP2_FLOOD_PING;
	case NGHTTP2_WINDOW_UPDATE: return HTTP2_FLOOD_WINDOW;
	default: return HTTP2_FLOODS;
	}
}

static int on_begin_frame(nghttp2_session *h2, const nghttp2_frame_hd *hd, void *of)
{
	(void)h2;
	struct http2_session *s = of;
	s->counts->frames_in++;
	if (hd->type != NGHTTP2_CONTINUATION)
		s->continuations = 0;
	else if (++s->continuations > CONTINUATIONS_MAX)
		return http2_session_flooded(s, HTTP2_FLOOD_CONTINUATION);
	enum http2_flood kind = cost_of(hd);
	if (kind != HTTP2_FLOODS && !takes(s, kind))
		return http2_session_flooded(s, kind);
	return 0;
}

void http2_incoming_free(struct http2_session *s)
{
	struct http2_incoming *in = s->incoming;
	if (!in)
		return;
	for (size_t i = 0; i < in->held_n; i++) {
		nghttp2_rcbuf_decref(in->held[i].name);
		nghttp2_rcbuf_decref(in->held[i].value);
	}
	http2_heap_give(&s->account, in);
	s->incoming = NULL;
}

static int on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *of)
{
	(void)h2;
	struct http2_session *s = of;
	if (s->role->side == HTTP2_SERVER && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		s->streams++;
	http2_incoming_free(s);
	s->incoming = http2_heap_take(&s->account, sizeof(*s->incoming));
	return s->incoming ? 0 : http2_session_flooded(s, HTTP2_FLOOD_MEMORY);
}

static struct span span_of_rcbuf(nghttp2_rcbuf *buf)
{
	nghttp2_vec v = nghttp2_rcbuf_get_buf(buf);
	return span_of(v.base, v.len);
}

/* nghttp2 knows the pseudo-header fields and lets each come once, and no other. */
static void take_pseudo(struct http2_head *h, struct span name, struct span value)
{
	uint64_t status;
	if (span_is(name, ":method"))
		h->method = value;
	else if (span_is(name, ":path"))
		h->path = value;
	else if (span_is(name, ":scheme"))
		h->scheme = value;
	else if (span_is(name, ":authority"))
		h->authority = value;
	else if (span_is(name, ":protocol"))
		h->protocol = value;
	else if (span_to_u64(value, 999, &status))
		h->status = (uint16_t)status;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, nghttp2_rcbuf *name,
		     nghttp2_rcbuf *value, uint8_t flags, void *of)
{
	(void)h2;
	(void)frame;
	struct http2_session *s = of;
	struct http2_incoming *in = s->incoming;
	if (!in)
		return 0;
	struct span n = span_of_rcbuf(name), v = span_of_rcbuf(value);
	struct http2_head *h = &in->head;
	in->size += n.len + v.len + FIELD_OVERHEAD;
	bool pseudo = n.len && n.data[0] == ':';
	if (in->size > s->role->limits.head_max || (!pseudo && h->fields_n == HTTP2_FIELDS_MAX)) {
		h->too_large = true;
		return in->size / HEAD_BOMB > s->role->limits.head_max
			       ? http2_session_flooded(s, HTTP2_FLOOD_HEAD)
			       : 0;
	}
	if (in->held_n == sizeof(in->held) / sizeof(in->held[0]))
		return 0;
	nghttp2_rcbuf_incref(name);
	nghttp2_rcbuf_incref(value);
	in->held[in->held_n++] = (struct http2_incoming_field){.name = name, .value = value};
	if (pseudo)
		take_pseudo(h, n, v);
	else
		in->fields[h->fields_n++] = (struct http2_field){
			.name = n, .value = v, .sensitive = flags & NGHTTP2_NV_FLAG_NO_INDEX};
	return 0;
}

/* RFC 9113 8.2.1: a field that no field may be makes the message malformed; by itself the library
 * would leave it out. */
static int on_invalid_header(nghttp2_session *h2, const nghttp2_frame *frame, nghttp2_rcbuf *name,
			     nghttp2_rcbuf *value, uint8_t flags, void *of)
{
	(void)name;
	(void)value;
	(void)flags;
	struct http2_session *s = of;
	s->counts->faults[HTTP2_FAULT_FIELD]++;
	(void)nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
					NGHTTP2_PROTOCOL_ERROR);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The library resets the stream itself. */
static int on_invalid_frame(nghttp2_session *h2, const nghttp2_frame *frame, int error, void *of)
{
	(void)h2;
	struct http2_session *s = of;
	if (error == NGHTTP2_ERR_HTTP_HEADER || error == NGHTTP2_ERR_HTTP_MESSAGING)
		s->counts->faults[HTTP2_FAULT_FRAMING]++;
	if (frame->hd.type == NGHTTP2_HEADERS)
		http2_incoming_free(s);
	return 0;
}

static void refuse(struct http2_session *s, int32_t id, enum http2_fault fault)
{
	s->counts->faults[fault]++;
	(void)nghttp2_session_set_stream_user_data(s->h2, id, NULL);
	(void)nghttp2_submit_rst_stream(s->h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
}

static void take_request(struct http2_session *s, int32_t id, struct http2_head *h)
{
	enum http2_fault fault = h->too_large ? HTTP2_FAULT_NONE : http2_request_check(h);
	if (fault) {
		refuse(s, id, fault);
		return;
	}
	s->counts->streams++;
	void *stream = s->role->events->request(s->of, (uint32_t)id, h);
	if (stream) {
		(void)nghttp2_session_set_stream_user_data(s->h2, id, stream);
		return;
	}
	(void)nghttp2_submit_rst_stream(s->h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
}

static void take_response(struct http2_session *s, int32_t id, struct http2_head *h)
{
	void *stream = stream_of(s, id);
	enum http2_fault fault = http2_response_check(h);
	if (!stream)
		return;
	if (!fault) {
		s->role->events->response(s->of, stream, h);
		return;
	}
	const struct http2_events *ev = s->role->events;
	refuse(s, id, fault);
	ev->closed(s->of, stream, HTTP2_PROTOCOL_ERROR);
}

static void take_head(struct http2_session *s, const nghttp2_frame *frame)
{
	struct http2_incoming *in = s->incoming;
	if (!in)
		return;
	in->head.fields = in->fields;
	in->head.size = in->size;
	in->head.end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	int32_t id = frame->hd.stream_id;
	bool server = s->role->side == HTTP2_SERVER;
	if (server && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		take_request(s, id, &in->head);
	else if (in->head.status)
		take_response(s, id, &in->head);
	else if (stream_of(s, id))
		s->role->events->end(s->of, stream_of(s, id), &in->head);
	http2_incoming_free(s);
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *of)
{
	(void)h2;
	struct http2_session *s = of;
	const struct http2_events *ev = s->role->events;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS: take_head(s, frame); break;
	case NGHTTP2_DATA:
		if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
		    stream_of(s, frame->hd.stream_id))
			ev->end(s->of, stream_of(s, frame->hd.stream_id), NULL);
		break;
	case NGHTTP2_RST_STREAM: s->counts->resets_in++; break;
	case NGHTTP2_GOAWAY:
		ev->goaway(s->of, (uint32_t)frame->goaway.last_stream_id, frame->goaway.error_code);
		break;
	case NGHTTP2_PING:
		if (frame->hd.flags & NGHTTP2_FLAG_ACK)
			ev->pong(s->of, frame->ping.opaque_data);
		break;
	case NGHTTP2_SETTINGS:
		if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
			ev->settings(s->of);
		break;
	default: break;
	}
	return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
		   void *of)
{
	(void)flags;
	struct http2_session *s = of;
	http2_flood_earn(&s->guard, HTTP2_WORK_RECEIVED);
	void *stream = stream_of(s, id);
	if (stream)
		s->role->events->data(s->of, stream, span_of(data, len));
	else
		(void)nghttp2_session_consume(h2, id, len);
	return 0;
}

static int on_close(nghttp2_session *h2, int32_t id, uint32_t code, void *of)
{
	struct http2_session *s = of;
	void *stream = stream_of(s, id);
	(void)h2;
	if (code == NGHTTP2_NO_ERROR)
		http2_flood_earn(&s->guard, HTTP2_WORK_ANSWERED);
	if (s->streams)
		s->streams--;
	if (stream)
		s->role->events->closed(s->of, stream, code);
	return 0;
}

void http2_receive_callbacks(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback2(c, on_invalid_header);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
}

static enum err failure(struct http2_session *s, ssize_t error)
{
	switch (error) {
	case NGHTTP2_ERR_CALLBACK_FAILURE: break; /* s->over says why */
	case NGHTTP2_ERR_FLOODED: (void)http2_session_flooded(s, HTTP2_FLOOD_QUEUE); break;
	case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
		(void)http2_session_flooded(s, HTTP2_FLOOD_CONTINUATION);
		break;
	case NGHTTP2_ERR_NOMEM: (void)http2_session_flooded(s, HTTP2_FLOOD_MEMORY); break;
	default:
		s->counts->broken++;
		s->over = ERR_FORMAT;
		break;
	}
	return s->over ? s->over : ERR_FORMAT;
}

bool http2_session_in_head(const struct http2_session *s)
{
	return s->incoming;
}

enum err http2_session_receive(struct http2_session *s, uint64_t now_ms, struct span in)
{
	if (s->over)
		return s->over;
	http2_flood_tick(&s->guard, now_ms);
	ssize_t n = nghttp2_session_mem_recv(s->h2, in.data, in.len);
	if (n < 0)
		return failure(s, n);
	return s->over;
}
