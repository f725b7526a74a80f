/* The head of a request or a response that does not know its HTTP version. Knows no connection; its
 * spans lie in the exchange's storage or in a buffer that the exchange holds.
 *
 * Each front and back converts from and to it. What belongs to one connection is not in it: no
 * Connection (nor what it names), Keep-Alive, Transfer-Encoding, Upgrade, TE, Host, Content-Length:
 * they are members here, and are written anew by whoever sends the head on.
 */
#ifndef PROXY_HEAD_H
#define PROXY_HEAD_H

#include "base/err.h"
#include "proto/http/field.h"

/* Fields of a message as received, and what edits may add to them. */
enum { PROXY_FIELDS_RECEIVED = 100, PROXY_FIELDS_MAX = 128, PROXY_TRAILERS_MAX = 32 };

/* Methods that the core or the service decides by; RFC 9110 9, RFC 5789. */
enum proxy_method {
	PROXY_METHOD_OTHER,
	PROXY_GET,
	PROXY_HEAD,
	PROXY_POST,
	PROXY_PUT,
	PROXY_DELETE,
	PROXY_OPTIONS,
	PROXY_PATCH,
	PROXY_TRACE,
	PROXY_CONNECT,
};

enum proxy_body {
	PROXY_BODY_NONE,   /* no body and no length: GET; 204; the answer to HEAD has its length */
	PROXY_BODY_LENGTH, /* length bytes, maybe 0 */
	PROXY_BODY_STREAM, /* until its end, trailers may follow */
	PROXY_BODY_TUNNEL, /* bytes both ways until each side ends: 101, 2xx of CONNECT */
};

struct proxy_head {
	/* A request's. */
	struct span method;
	struct span scheme;    /* "http", "https"; of absolute form or :scheme, else the door's */
	struct span authority; /* Host or :authority; empty in HTTP/1.0 without */
	struct span path;      /* with its query; "*" for OPTIONS; empty for CONNECT */
	struct span
		protocol; /* Upgrade's token or :protocol ("websocket"); a response of 101: too */
	/* A response's. */
	struct span reason; /* as received; empty: the one of RFC 9110 */
	uint16_t status;
	uint8_t method_id; /* enum proxy_method */
	uint8_t version;   /* 10, 11, 20: how it came; 4, 5: by SOCKS */
	uint8_t body;	   /* enum proxy_body */
	bool has_length;   /* length is told to the other side; always with PROXY_BODY_LENGTH */
	bool absolute;	   /* the target came in absolute form (forward proxy) */
	bool te_trailers;  /* TE: trailers */
	bool expect_continue;
	uint64_t length;
	uint16_t fields_n;
	struct http_field fields[PROXY_FIELDS_MAX];
};

/* The first field of that number, or of that name in any case (a name of HTTP_FIELD_OTHER), or
 * NULL. */
struct http_field *proxy_head_find(struct proxy_head *head, uint16_t id);
struct http_field *proxy_head_find_name(struct proxy_head *head, struct span name);

/* Adds one at the end. The spans are borrowed for the exchange's life: proxy_exchange_store, or
 * static. ERR_LIMIT at PROXY_FIELDS_MAX; ERR_FORMAT: a name or value that would tear the
 * message. */
MUST enum err proxy_head_add(struct proxy_head *head, struct span name, struct span value);
/* Its name is that number's, in lower case; id: not HTTP_FIELD_OTHER. */
MUST enum err proxy_head_add_known(struct proxy_head *head, uint16_t id, struct span value);
/* Takes out all of that number, or of that name in any case; returns how many. */
size_t proxy_head_remove(struct proxy_head *head, uint16_t id);
size_t proxy_head_remove_name(struct proxy_head *head, struct span name);
/* Takes out all of that name, or that number, and adds one. */
MUST enum err proxy_head_set(struct proxy_head *head, struct span name, struct span value);
MUST enum err proxy_head_set_known(struct proxy_head *head, uint16_t id, struct span value);

/* Without fields; the array is not touched. */
void proxy_head_reset(struct proxy_head *head);

uint8_t proxy_method_id(struct span method);
/* RFC 9110 9.2.2: may go again when nobody knows whether it was done. */
bool proxy_method_is_idempotent(uint8_t method_id);

/* The body of a response to that method, by status and framing fields already in head
 * (RFC 9110 6.4.1): makes it PROXY_BODY_NONE for HEAD, 1xx, 204, 304. */
void proxy_head_settle_response(struct proxy_head *head, uint8_t request_method_id);

/* A request's field that back ends by CGI's rules (RFC 3875 4.1.18) take for another one that has a
 * meaning here: Content_Length. */
bool proxy_field_is_disguised(const struct http_field *f);

#endif
