/* What the parts of the reading of nginx share: the servers and places of a configuration, and what
 * is made of them. Knows no file and nothing of how ours is written. */
#ifndef IMPORT_NGINX_INNER_H
#define IMPORT_NGINX_INNER_H

#include "import/nginx_tree.h"
#include "import/out_tree.h"
#include "import/site.h"

struct regex;
struct writer;

/* For "%.*s". */
#define SPAN(s) (int)(s).len, (const char *)(s).data

enum {
	NGINX_PORTS_MAX = 64,	 /* of all servers */
	NGINX_PLACES_MAX = 1024, /* of a server */
	NGINX_SERVERS_MAX = 4096,
	NGINX_BEFORE_MAX = 64, /* longer beginnings that an expression leaves out */
	NGINX_TEXT_MAX = 900,
};

enum place_kind { PLACE_EXACT, PLACE_PREFIX, PLACE_STOP /* ^~ */, PLACE_REGEX, PLACE_NAMED };

/* A location, or the server itself as the place of all that no location takes. */
struct nginx_place {
	struct nginx_place *next;
	enum place_kind kind;
	struct span text; /* path in our normal form; an expression; a name with its @ */
	struct nginx_directive *at;
	const struct nginx_place *outer; /* the location around it; NULL: the server */
	struct regex *regex;		 /* of PLACE_REGEX; freed by nginx_places_done */
	unsigned depth;
};

/* What becomes a route of ours for each of a server's faces. */
struct nginx_route {
	struct nginx_route *next;
	struct out_node *paths; /* a list */
	struct out_node *body;	/* a map */
};

struct nginx_port {
	uint16_t port;
	const struct nginx_server *first; /* who answers for unknown hosts */
	bool chosen;			  /* by default_server */
};

struct nginx_server {
	struct nginx_server *next;
	struct nginx_directive *at;
	struct out_node *hosts;	       /* a list */
	bool port_of[NGINX_PORTS_MAX]; /* by nginx.ports */
	struct nginx_place *places, *places_last;
	size_t places_n;
	bool has_regex;
	struct nginx_route *routes, *routes_last;
};

struct nginx {
	struct import_site *s;
	const struct nginx_files *files;
	struct nginx_directive *root, *http;
	struct out_node *out; /* the section */
	struct out_node *listen, *certificates, *pools, *routes, *streams;
	struct nginx_server *servers, *servers_last;
	size_t servers_n;
	struct nginx_port ports[NGINX_PORTS_MAX];
	size_t ports_n;
	uint64_t body_most; /* the longest that any place takes */
	bool named;	    /* a server is named by the DNS */
	bool noted_names;
};

/* ---- nginx_text.c ---- */

/* A text with nginx's variables as one with ours. regex: whose groups $1… are; NULL: none. False: a
 * variable has no counterpart, as a note at d says. */
bool nginx_text(struct nginx *n, struct nginx_directive *d, struct span text,
		const struct regex *regex, struct span *ret);
/* The path in our normal form; false: no request has it, as a note at d says. */
bool nginx_path(struct nginx *n, struct nginx_directive *d, struct span text, struct span *ret);
/* What an expression matches only as it stands. */
void nginx_quote(struct writer *w, struct span text);
/* Values as nginx has them: 60, 60s, 1m30s, 500ms; 8k, 1m, 1g. */
bool nginx_time_ms(struct span text, uint64_t *ret);
bool nginx_size(struct span text, uint64_t *ret);
/* The field that $http_NAME is the value of; name: without $http_. */
struct span nginx_field(struct nginx *n, struct span name);
void nginx_note_condition(struct nginx *n, struct nginx_directive *d);
/* The constant value of `set $name` there or around it. name: without $. */
bool nginx_constant(const struct nginx_directive *at, struct span name, struct span *ret);

/* ---- nginx_pool.c ---- */

struct nginx_target {
	struct span to;	  /* a pool, or an address with its port */
	struct span host; /* as $proxy_host has it */
	struct span uri;  /* empty: there is none */
};

void nginx_upstreams(struct nginx *n, struct nginx_directive *block);
/* The proxy_pass or grpc_pass of a place; NULL: none. */
struct nginx_directive *nginx_pass_of(const struct nginx_directive *at);
/* What it names. False: no server of ours, as a note says. */
bool nginx_pass(struct nginx *n, struct nginx_directive *d, struct nginx_target *ret);
/* The pool of a stream's proxy_pass. */
bool nginx_stream_pass(struct nginx *n, struct nginx_directive *d, struct span name,
		       struct span *ret);
/* What a place says of how its pool is asked again. */
void nginx_retry(struct nginx *n, struct nginx_directive *at, struct span pool);

/* ---- nginx_place.c ---- */

void nginx_places(struct nginx *n, struct nginx_server *server);
void nginx_places_done(struct nginx_server *server);
/* The place that takes a request of that path, as nginx chooses; NULL: the server's own. */
const struct nginx_place *nginx_pick(const struct nginx_server *server, struct span path);
/* An expression's beginning that holds for the paths of a place of PREFIX or STOP only. False: it
 * is no more than the place's own beginning. */
bool nginx_only(struct nginx *n, const struct nginx_server *server, const struct nginx_place *place,
		struct writer *w);
const struct nginx_place *nginx_named(const struct nginx_server *server, struct span name);

/* ---- nginx_route.c ---- */

/* What a `rewrite` has made of the path. */
struct nginx_rewritten {
	struct span path, query; /* ours, with variables; path empty: it was not */
};

/* All that a place (NULL: the server) does, into body. r NULL: its path was not rewritten. */
void nginx_end(struct nginx *n, const struct nginx_server *server, const struct nginx_place *place,
	       const struct nginx_rewritten *r, struct out_node *body);
/* What a `return` answers; the groups of regex (NULL: none) are its variables. */
void nginx_return(struct nginx *n, struct nginx_directive *d, const struct regex *regex,
		  struct out_node *body);
/* A target of `return` and `rewrite` as `redirect: {to: …}`. keeps: the query goes along. False: it
 * is none, as a note says. */
bool nginx_redirect(struct nginx *n, struct nginx_directive *d, struct span text, unsigned status,
		    const struct regex *regex, bool keeps, struct out_node *body);
void nginx_answer(struct nginx *n, struct out_node *body, unsigned status, struct span text,
		  struct span type);
/* A request is for servers that speak another protocol; NULL: it is not. */
struct nginx_directive *nginx_other_pass(struct nginx_directive *at);

/* ---- nginx_order.c ---- */

void nginx_routes(struct nginx *n, struct nginx_server *server);

/* ---- nginx_fields.c, nginx_guard.c: what a place says beside where it leads, into a route's map
 */

void nginx_fields(struct nginx *n, struct nginx_directive *at, struct out_node *body,
		  const struct nginx_target *target);
void nginx_limits(struct nginx *n, struct nginx_directive *at, struct out_node *body, bool proxied);
void nginx_errors(struct nginx *n, const struct nginx_server *server, struct nginx_directive *at,
		  struct out_node *body);
void nginx_guard(struct nginx *n, const struct nginx_server *server, struct nginx_directive *at,
		 struct out_node *body);

/* ---- nginx_server.c, nginx_stream.c ---- */

void nginx_servers(struct nginx *n);
void nginx_streams(struct nginx *n, struct nginx_directive *stream);

/* The folder of files of a place, `root` or `alias`, absolute. False: there is none. */
bool nginx_root(struct nginx *n, struct nginx_directive *at, struct span *ret, bool *ret_alias);

#endif
