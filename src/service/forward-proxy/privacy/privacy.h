/* What a request may tell the world of who sent it: levels, each a column of one table that says
 * what becomes of a field. Knows no connection and no rule about who gets which level; the manual
 * shows the same table, and a test holds it against this one.
 *
 * Only what the proxy reads it can change: requests in the clear. Within a tunnel by CONNECT or
 * SOCKS all is as the client wrote it, but for the address it comes from. */
#ifndef FORWARD_PROXY_PRIVACY_PRIVACY_H
#define FORWARD_PROXY_PRIVACY_PRIVACY_H

#include "base/err.h"
#include "proto/ip/address.h"

struct proxy_head;
struct writer;

enum privacy_level {
	PRIVACY_NONE,	   /* as proxies do: Via, Forwarded, X-Forwarded-For */
	PRIVACY_PROXY,	   /* that there is a proxy, not for whom */
	PRIVACY_ANONYMOUS, /* neither, and nothing that follows a client from site to site */
	PRIVACY_STRICT,	   /* and all clients look alike */
	PRIVACY_LEVELS,
};

/* What becomes of a field. */
enum privacy_rule {
	PRIVACY_PASSED, /* as it came */
	PRIVACY_ADDED,	/* what came, and ours behind it */
	PRIVACY_DROPPED,
	PRIVACY_SITE,  /* passed to the site that it names, dropped for others */
	PRIVACY_FIXED, /* one value for everybody, whether one came or not */
	PRIVACY_RULES,
};

struct privacy_row {
	const char *name;	       /* of the field, lower case; "sec-ch-*": all that begin so */
	bool of_answer;		       /* a field of answers, which goes to the client */
	uint8_t rules[PRIVACY_LEVELS]; /* enum privacy_rule */
};

/* The table; *ret_n rows. What is not in it is passed. */
const struct privacy_row *privacy_table(size_t *ret_n);

/* "anonymous", "dropped": as the configuration and the manual have it; never NULL. */
const char *privacy_level_text(enum privacy_level level);
const char *privacy_rule_text(enum privacy_rule rule);

/* The table as text, a line for each row, for the manual. */
void privacy_table_write(struct writer *w);

/* Made by privacy_conf_of. */
struct privacy_conf {
	enum privacy_level level;
	bool fixes;	     /* it has values for everybody */
	uint32_t letters[2]; /* that what it takes from requests, from answers, begins with */
	struct span user_agent, accept_language;
};

/* Borrowed from the configuration: the fixed values. */
struct privacy_conf privacy_conf_of(enum privacy_level level, struct span user_agent,
				    struct span accept_language);

enum { PRIVACY_ROOM = 2048 };

/* head: a request that has our Via already. host: where it goes, in the form of
 * destination_host_format. What is written lies in w, which lives as long as head: PRIVACY_ROOM is
 * enough, a longer list of earlier proxies is left out. ERR_LIMIT: too many fields. */
MUST enum err privacy_request_edit(const struct privacy_conf *c, struct proxy_head *head,
				   const struct ip_address *client, struct span host,
				   struct writer *w);
/* head: an answer on its way to the client. */
void privacy_answer_edit(const struct privacy_conf *c, struct proxy_head *head);

/* Are two hosts of one site? The same, or one below the other. There is no list of public suffixes
 * here: names beside each other (a.example.org, b.example.org) count as two sites. */
bool privacy_is_one_site(struct span a, struct span b);

#endif
