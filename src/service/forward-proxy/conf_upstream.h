/* Proxies of others that lead to some destinations, as the configuration has them. Knows no
 * connection. */
#ifndef FORWARD_PROXY_CONF_UPSTREAM_H
#define FORWARD_PROXY_CONF_UPSTREAM_H

#include "config/schema.h"
#include "service/forward-proxy/upstream.h"

struct arena;

enum { FORWARD_UPSTREAMS_MAX = 64 };

struct forward_upstream_conf {
	struct config_list to, except;	/* const char * */
	struct config_list socks;	/* struct ip_endpoint */
	struct config_list http, https; /* const char *: NAME, NAME:PORT, ADDRESS:PORT */
	const char *user;
	struct span password;
	const char *ca; /* NULL: those that the system trusts */
	int order;	/* enum upstream_order */
	int otherwise;	/* 1: directly */
	uint64_t pause_ms;
	bool has_order, has_otherwise, has_pause;
	uint32_t line;
};

extern const struct config_map forward_upstream_map;

/* The kind that it is of, by what is written; its servers of that key. */
enum upstream_kind forward_upstream_kind(const struct forward_upstream_conf *c);
const struct config_list *forward_upstream_servers(const struct forward_upstream_conf *c);
/* Of its servers, which was judged: that one. */
void forward_upstream_server(const struct forward_upstream_conf *c, size_t i,
			     struct destination *ret);

/* list: of struct forward_upstream_conf, judged. What ret points to lies in it and in a; servers
 * have neither health nor TLS yet. ENOMEM. */
MUST enum err forward_upstreams(struct arena *a, const struct config_list *list,
				struct upstream **ret);

/* What is written in vain, or had better not be: see advise in control/service.h. */
void forward_upstreams_advise(const struct config_list *list,
			      void (*tell)(void *arg, uint32_t line, const char *text), void *arg);

#endif
