/* What is known of each server that was asked: how fast it answers, whether it takes EDNS, its
 * cookie, which zones it serves lamely. Knows no names of servers and decides nothing about one
 * question. */
#ifndef RESOLVER_SERVER_H
#define RESOLVER_SERVER_H

#include "base/err.h"
#include "proto/dns/edns.h"
#include "proto/ip/address.h"

#define SERVER_RTO_START_US 400000u /* of a server never heard */
#define SERVER_RTO_MIN_US   60000u
#define SERVER_RTO_MAX_US   3000000u
#define SERVER_LAMES	    4u

struct server {
	struct ip_endpoint at;
	uint64_t used_ms, down_until_ms, no_edns_until_ms;
	uint32_t srtt_us, rttvar_us; /* RFC 6298; srtt_us 0: never heard */
	uint32_t rto_us;
	uint8_t timeouts;   /* in a row */
	uint8_t downs;	    /* how often in a row it was taken for down */
	uint8_t cookie_len; /* of the server's part; 0: none known */
	uint8_t cookie[DNS_COOKIE_SERVER_MAX];
	struct {
		uint64_t zone, until_ms; /* zone: a hash of its name */
	} lame[SERVER_LAMES];
	bool used;
};

/* A table of fixed size in which the least lately used makes room; owned by one worker. */
struct servers {
	struct server *slots;
	size_t sets; /* a power of two */
	uint8_t secret[16];
};

/* size: servers remembered, rounded up. secret: for the hash and the client cookies. ENOMEM. */
MUST enum err servers_init(struct servers *s, size_t size, const uint8_t secret[16]);
void servers_done(struct servers *s);
void servers_clear(struct servers *s);

/* The server's record, made if it is new. Valid until the next call. */
struct server *servers_get(struct servers *s, const struct ip_endpoint *at, uint64_t now_ms);

/* Our cookie for this server alone (RFC 7873 4.1). */
void servers_client_cookie(const struct servers *s, const struct ip_endpoint *at,
			   uint8_t ret[DNS_COOKIE_CLIENT_LEN]);

void server_heard(struct server *s, uint32_t rtt_us);
/* It kept silent for a whole rto. */
void server_timed_out(struct server *s, uint64_t now_ms);
/* The network says that it cannot be reached. */
void server_unreachable(struct server *s, uint64_t now_ms);

void server_set_lame(struct server *s, uint64_t zone, uint64_t now_ms);
bool server_is_lame(const struct server *s, uint64_t zone, uint64_t now_ms);
void server_set_no_edns(struct server *s, uint64_t now_ms);

static inline bool server_is_down(const struct server *s, uint64_t now_ms)
{
	return s->down_until_ms > now_ms;
}

static inline bool server_takes_edns(const struct server *s, uint64_t now_ms)
{
	return s->no_edns_until_ms <= now_ms;
}

/* What an answer from it should cost, in microseconds: what the choice among servers compares. */
uint64_t server_cost_us(const struct server *s, uint64_t now_ms);

#endif
