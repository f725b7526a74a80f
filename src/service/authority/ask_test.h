/* For the tests of answers: zones from text or files, questions as text, answers as text. Knows the
 * engine's public face only. */
#ifndef AUTHORITY_ASK_TEST_H
#define AUTHORITY_ASK_TEST_H

#include "proto/ip/address.h"
#include "service/authority/answer.h"
#include "service/authority/zone_build.h"
#include "service/authority/zones.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

enum ask_flag {
	ASK_EDNS = 1 << 0,
	ASK_DO = 1 << 1, /* and EDNS */
	ASK_TCP = 1 << 2,
	ASK_SMALL = 1 << 3, /* without EDNS: 512 octets */
};

struct ask {
	struct zones *set;
	struct answer_config conf;
	uint32_t random;
	struct ip_address client;
	/* Of the last question. */
	struct answer_facts facts;
	uint8_t wire[ANSWER_TCP_MAX];
	size_t wire_len;
	char text[65536];
	/* Of the last zone. */
	char problems[16384];
	struct zone_judge judge;
};

extern const uint8_t ask_key[16];

/* A new set without zones; edns-size 1232, no rotation. */
struct ask *ask_new(void);
void ask_free(struct ask *a);

/* Zone text to a snapshot; what is wrong stands in problems as "line:column error|warning: text\n".
 */
enum err ask_load(struct ask *a, const char *origin, const char *text, bool lenient,
		  struct zone **ret);
/* The same, and into the set; must be right. */
void ask_add(struct ask *a, const char *origin, const char *text);
void ask_add_file(struct ask *a, const char *origin, const char *path);

/* Sends any octets; the answer is in wire. */
size_t ask_wire(struct ask *a, const uint8_t *query, size_t len, bool tcp);
/* A query as octets; returns their number. */
size_t ask_query(const char *name, const char *type, unsigned flags, uint8_t *buf, size_t cap);
/* Asks, and tells: "RCODE [aa] [tc]\n", then "an|ns|ar NAME TYPE RDATA\n" for each record in order
 * (TTLs and OPT left out; an RRSIG's rdata is only the type that it covers). */
const char *ask(struct ask *a, const char *name, const char *type, unsigned flags);

#endif
