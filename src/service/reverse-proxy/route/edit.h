/* What a route writes of its own: texts with variables in braces, and lists of fields that are set,
 * added and removed. Knows no connection and no version of HTTP. */
#ifndef REVERSE_PROXY_ROUTE_EDIT_H
#define REVERSE_PROXY_ROUTE_EDIT_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

struct route_found;
struct writer;

/* {client} {client-port} {host} {scheme} {method} {path} {query} {tls} {request-id} {server}
 * {user} {client-certificate}, and the names of the path's pattern. `{{` is a brace. */
enum edit_variable {
	EDIT_LITERAL,
	EDIT_CLIENT, /* its address; IPv6 without brackets */
	EDIT_CLIENT_PORT,
	EDIT_HOST,   /* as received, with a port if it had one */
	EDIT_SCHEME, /* http, https */
	EDIT_METHOD,
	EDIT_PATH,	  /* in normal form, as the client asked */
	EDIT_QUERY,	  /* without the question mark */
	EDIT_TLS,	  /* TLSv1.3; empty without TLS */
	EDIT_ID,	  /* of the request: 32 hexadecimal digits */
	EDIT_SERVER,	  /* the name of this proxy */
	EDIT_USER,	  /* who signed in by basic authentication */
	EDIT_CERTIFICATE, /* the subject of the client's certificate; empty without */
	EDIT_CAPTURE,
};

/* What the variables stand for; NULL or empty: nothing. */
struct edit_values {
	struct ip_endpoint client;
	struct span host, scheme, method, path, query, tls, id, server, user, client_certificate;
	const struct route_found *found; /* for captures */
};

enum { EDIT_PIECES_MAX = 24 };

struct edit_piece {
	enum edit_variable kind;
	struct span text; /* of a literal, of a capture's name; borrowed from the configuration */
};

struct edit_text {
	struct edit_piece pieces[EDIT_PIECES_MAX];
	size_t pieces_n;
};

/* Is it one of the names above, so that a pattern's path may not use it? */
bool edit_is_variable(struct span name);

/* text is borrowed by ret. ERR_FORMAT: a brace without its other half, a variable that is not in
 * the list above; a name that is none of them is taken for a capture when captures are allowed. */
MUST enum err edit_text_parse(const char *text, bool captures, struct edit_text *ret);

/* Marks w bad when it does not fit. */
void edit_text_write(const struct edit_text *t, const struct edit_values *v, struct writer *w);

enum edit_kind {
	EDIT_SET, /* all fields of that name are taken out, and this one is put in */
	EDIT_ADD, /* beside those that are there */
	EDIT_REMOVE,
};

struct edit {
	enum edit_kind kind;
	const char *name; /* a token, never a field of framing or of the connection */
	struct edit_text value;
};

struct edit_list {
	const struct edit *items;
	size_t n;
};

/* NULL: a route may set, add and remove the field; else why not (framing, hop by hop). */
const char *edit_name_wrong(const char *name);

#endif
