/* What the files of the exchange share. Knows what exchange.h knows; nobody else includes it. */
#ifndef PROXY_EXCHANGE_INNER_H
#define PROXY_EXCHANGE_INNER_H

#include "proxy/exchange.h"
#include "proxy/worker.h"

/* Back among the free ones, with all that it holds. */
void exchange_give(struct proxy_exchange *x);
/* Its deadline is over. */
void exchange_late(struct proxy_deadline *d);
/* Sets the deadline that its phase asks for; at each step and whenever a body moves. */
void exchange_arm(struct proxy_exchange *x);
/* Answers, or tears what was begun. The back must be gone. */
void exchange_error(struct proxy_exchange *x, enum proxy_cause cause);
/* Lets go of the back end, whatever it is doing. */
void exchange_drop_back(struct proxy_exchange *x, enum proxy_cause cause);
/* Tells face.left, once for each pick. */
void exchange_left(struct proxy_exchange *x, enum proxy_cause cause);
/* Over: face.done, and back among the free ones. */
void exchange_end(struct proxy_exchange *x, enum proxy_cause cause);
void exchange_end_later(struct proxy_exchange *x, enum proxy_cause cause);
/* Pushes what the face answers of itself, as far as the front takes it. */
void exchange_pump(struct proxy_exchange *x);
/* Pushes the request's body to the back: what is at hand, or the front is asked. */
void exchange_request_push(struct proxy_exchange *x);
/* Asks for a hop and goes to it. */
void exchange_pick(struct proxy_exchange *x);
void exchange_act(struct proxy_exchange *x);
void exchange_answer(struct proxy_exchange *x);
void exchange_filters_close(struct proxy_exchange *x, bool whole);
/* A tunnel has begun: its bytes go past the exchange, where both ends can do that; from the end of
 * the turn on. */
void exchange_relay(struct proxy_exchange *x);
/* What was relayed is counted, and the relay is gone, if there was one. */
void exchange_relay_stop(struct proxy_exchange *x);
/* A tunnel begins: are its first bytes to be looked at? */
void exchange_first_begin(struct proxy_exchange *x);
/* While they are (x->first): may these go on as usual? False: *ret_taken of them were taken. */
bool exchange_first(struct proxy_exchange *x, struct span bytes, bool end, size_t *ret_taken);
/* The back has room: what was held goes first. True: the front may offer more. */
bool exchange_first_pass(struct proxy_exchange *x);
bool exchange_first_is_late(const struct proxy_exchange *x);
/* x may be over afterwards. */
void exchange_first_late(struct proxy_exchange *x);
void exchange_first_drop(struct proxy_exchange *x);
/* What is held is for somebody else, and what follows goes to the back there is. */
void exchange_first_take(struct proxy_exchange *x, struct proxy_chain2 *ret);
/* What is held goes on, as soon as there is a back. */
void exchange_first_go(struct proxy_exchange *x);
/* The tunnel's client is answered here: at the end of the turn it begins. */
void exchange_inspect(struct proxy_exchange *x);
/* Into the front, past the filters. */
size_t exchange_to_front(struct proxy_exchange *x, struct span bytes, bool end);

#endif
