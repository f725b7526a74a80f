/* What a proxy does to the heads that it passes on (RFC 9110 7.6): Via, Max-Forwards, what is for
 * the proxy alone; and the answers that it gives as the last one on the way. Knows no connection
 * and no rule about who may.
 */
#ifndef FORWARD_PROXY_MESSAGE_H
#define FORWARD_PROXY_MESSAGE_H

#include "base/writer.h"
#include "proxy/head.h"

enum { MESSAGE_LOOPS_MAX = 4, MESSAGE_HOPS_TEXT = 10, MESSAGE_TRACE_MAX = 8192 };

/* Of 1.0, 1.1 and 2.0: "1.1 gatehouse", as a message came. */
struct message_via {
	struct span of10, of11, of20;
};

/* How often `name` stands in Via as who received the message: those who pass it on to themselves
 * find themselves there. */
size_t message_via_count(const struct proxy_head *head, struct span name);

enum message_hops {
	MESSAGE_GOES_ON, /* there is none, or it is of another method, or it was counted down */
	MESSAGE_ENDS_HERE,
	MESSAGE_BAD,
};

/* Max-Forwards of OPTIONS and TRACE (7.6.2). What it becomes lies in room, which lives as long as
 * head. */
enum message_hops message_hops_take(struct proxy_head *head, uint8_t room[MESSAGE_HOPS_TEXT]);

/* What is passed on of a request: Via is there, what is for us is not. ERR_LIMIT: too many
 * fields. */
MUST enum err message_request_edit(struct proxy_head *head, const struct message_via *via);
/* Of an answer. A field for which there is no room is left out. */
void message_response_edit(struct proxy_head *head, const struct message_via *via);

/* What TRACE answers (RFC 9110 9.3.8): the request as it came to us, without what may be secret. w
 * is bad when it does not fit. */
void message_trace_write(const struct proxy_head *head, struct writer *w);

#endif
