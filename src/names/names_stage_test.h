/* For the tests of names: an engine whose server is the authority's own engine, with two zones that
 * take updates. Knows no test. */
#ifndef NAMES_STAGE_TEST_H
#define NAMES_STAGE_TEST_H

#include "names/names.h"
#include "service/authority/ask_test.h"
#include "service/authority/dynamic.h"
#include "service/authority/keyring.h"

#define NOW_S 1700000000u

struct server {
	struct ask *ask;
	struct dynamic zones[2];
	struct update_scratch *scratch;
	struct update_policy policy;
	struct keyring *keys;
};

struct sent {
	struct ip_endpoint to;
	bool tcp;
	size_t len;
	uint8_t message[4096];
};

struct bench {
	struct server server;
	struct names *names;
	struct names_conf conf;
	struct names_zone reverse[1];
	struct names_label reserved[1];
	uint64_t now_ms;
	struct sent out[512];
	size_t out_n;
	unsigned sent_n, events[8];
	struct names_event last;
	uint8_t done;	   /* of the last lease that was done with */
	uint8_t told[256]; /* by the last octet: what a lease keeps */
	unsigned done_n;
};

struct bench *names_begin(void);
/* Leases in the queue, messages out at once. */
struct bench *names_begin_with(size_t queue, size_t at_once);
void names_end(struct bench *b);
/* What the server says to a message, signed; its length. */
size_t server_answer(struct server *s, const struct sent *m, uint8_t *out, size_t cap);
/* The oldest message that is out gets its answer. */
void answer_first(struct bench *b);
/* Until nothing is due and nothing is out. */
void settle(struct bench *b);

/* What the server answers a client that asks. */
const char *lookup(struct bench *b, const char *name, const char *type);
/* Fails the test unless the answer has the value, or the name is not there. */
void there(struct bench *b, const char *name, const char *type, const char *value);
void gone(struct bench *b, const char *name);
struct dns_name named(const char *text);

#endif
