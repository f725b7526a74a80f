/* One TCP client's conversation: messages with two bytes of length in front, many at once (RFC
 * 7766). Knows no descriptor and no clock: bytes go in, bytes come out. */
#ifndef AUTHORITY_TCP_H
#define AUTHORITY_TCP_H

#include "service/authority/answer.h"
#include "service/authority/axfr.h"

#define TCP_QUERY_MAX 32768u /* a longer query ends the conversation; updates may be long */
#define TCP_OUT_CAP                                                                                \
	(8192u + 2u + ANSWER_TCP_MAX) /* small answers gather, and a whole large one fits behind   \
				       */

struct tcp_conversation {
	uint32_t in_len, out_at, out_len; /* out: bytes [out_at, out_len) wait to be sent */
	bool bad;   /* the client broke the framing; what is owed is still sent */
	bool waits; /* for the answer to an UPDATE: later queries wait, too */
	struct axfr transfer;
	uint8_t in[2 + TCP_QUERY_MAX];
	uint8_t out[TCP_OUT_CAP];
};

/* What happened to one query: called for each. */
typedef void tcp_told(void *arg, const struct answer_facts *facts, bool answered);

/* Takes an UPDATE (facts->update) to who applies it; tcp_answer_update comes later. False: it
 * cannot be taken, and the answer is SERVFAIL. */
typedef bool tcp_update(void *arg, struct span packet, const struct answer_facts *facts);

struct tcp_surroundings {
	const struct zones *zones;
	const struct answer_config *conf;
	const struct ip_address *client;
	uint32_t now_s;
	uint32_t random;
	tcp_told *told;
	tcp_update *update;
	void *arg;
};

void tcp_init(struct tcp_conversation *c);
/* Gives a snapshot back that a transfer still held. */
void tcp_done(struct tcp_conversation *c);

/* Where received bytes go; empty while the client must wait (its answers are not sent yet). */
uint8_t *tcp_room(struct tcp_conversation *c, size_t *ret_len);
/* len bytes were put there. */
void tcp_received(struct tcp_conversation *c, size_t len);

/* Answers as many whole queries as there is room for; returns how many. Call it after bytes came in
 * and after bytes went out. */
unsigned tcp_step(struct tcp_conversation *c, const struct tcp_surroundings *context);

/* The answer to the UPDATE that was taken; call tcp_step then. */
void tcp_answer_update(struct tcp_conversation *c, struct span answer);

/* Something to write, now or soon, without anything else coming in. */
bool tcp_can_write(const struct tcp_conversation *c);

/* What waits to be sent. */
struct span tcp_output(const struct tcp_conversation *c);
/* The first len bytes of it are sent. */
void tcp_sent(struct tcp_conversation *c, size_t len);

/* Nothing is owed to the client: no output, no transfer, no answer to an update. */
bool tcp_is_idle(const struct tcp_conversation *c);

#endif
