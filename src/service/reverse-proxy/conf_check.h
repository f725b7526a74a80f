/* How it is found out whether a server is well, as the configuration has it. Knows no socket. */
#ifndef REVERSE_PROXY_CONF_CHECK_H
#define REVERSE_PROXY_CONF_CHECK_H

#include "config/schema.h"

enum reverse_check_kind {
	REVERSE_CHECK_NONE,
	REVERSE_CHECK_TCP, /* a connection is enough */
	REVERSE_CHECK_HTTP,
	REVERSE_CHECK_GRPC, /* grpc.health.v1 */
	REVERSE_CHECK_UDP,  /* a datagram */
};

struct reverse_check_conf {
	bool tcp;
	const char *http;	     /* the path; NULL: no HTTP */
	const char *grpc;	     /* the service, "": the server; NULL: no gRPC */
	const char *udp;	     /* what is sent (check_udp.h); NULL: no UDP */
	const char *answer;	     /* what must come, "": anything; NULL: silence is well too */
	bool has_method, has_status; /* they were written */
	const char *method, *host;   /* host NULL: the server's address */
	struct config_list status;   /* const char *: "200", "200-399" */
	const char *body;	     /* NULL: not looked at */
	uint64_t interval_ms, timeout_ms;
	uint32_t rise, fall;
	uint16_t port; /* 0: where requests go */
};

extern const struct config_map reverse_check_map;

enum reverse_check_kind reverse_check_kind(const struct reverse_check_conf *c);
/* Is that status among those that are expected? */
bool reverse_check_expects(const struct reverse_check_conf *c, unsigned status);

#endif
