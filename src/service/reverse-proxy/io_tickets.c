#include "service/reverse-proxy/io_tickets.h"

#include "crypto/random.h"
#include "crypto/secret.h"

/* A ticket of the last moment is good for its whole life. */
#define PERIOD_MS (UINT64_C(1000) * TLS_TICKET_LIFE_S)

enum err reverse_tickets_begin(struct reverse_tickets *t, uint64_t now_ms)
{
	TRY(tls_tickets_new(&t->tickets));
	TRY(crypto_random(&t->keys[0], sizeof(t->keys[0])));
	tls_tickets_set(t->tickets, t->keys, 1, 0);
	t->next_ms = now_ms + PERIOD_MS;
	return OK;
}

void reverse_tickets_turn(struct reverse_tickets *t, uint64_t now_ms)
{
	struct tls_ticket_key next;
	if (now_ms < t->next_ms || crypto_random(&next, sizeof(next)))
		return;
	t->keys[1] = t->keys[0];
	t->keys[0] = next;
	crypto_wipe(&next, sizeof(next));
	tls_tickets_set(t->tickets, t->keys, 2, 0);
	t->next_ms = now_ms + PERIOD_MS;
}

void reverse_tickets_done(struct reverse_tickets *t)
{
	tls_tickets_unref(t->tickets);
	crypto_wipe(t, sizeof(*t));
}
