/* One client of the control socket: its request on the way in, its answer or stream on the way out.
 * Knows no verb; the server (server.c) chooses. */
#ifndef CONTROL_CONNECTION_H
#define CONTROL_CONNECTION_H

#include "control/control.h"
#include "os/loop.h"
#include "proto/http/http1.h"

struct control_reply {
	struct control_connection *connection; /* NULL: the client has gone */
};

struct control_stream {
	struct control_connection *connection; /* NULL: the client has gone */
	void (*closed)(void *arg);
	void *arg; /* borrowed from whoever opened it */
};

struct control_connection {
	struct control *control; /* borrowed */
	struct control_connection *next, **link;
	struct loop *loop; /* borrowed */
	struct loop_watch watch;
	struct loop_timer idle;
	int fd;
	unsigned uid;
	uint8_t *in, *out;
	size_t in_len, in_size, out_pos, out_len, out_size;
	struct http_request request; /* spans into in, while the request is dealt with */
	struct http_chunked chunked;
	uint8_t *body;
	size_t body_len, body_size;
	enum { CONNECTION_HEAD, CONNECTION_BODY, CONNECTION_ANSWER } at;
	bool keep_alive, head_only, chunks_out, ended, input_ended;
	bool turning;		       /* connection_turn is on the stack */
	bool served;		       /* something of it was answered */
	bool last;		       /* its next answer is its last one */
	struct control_reply *reply;   /* owed by a verb */
	struct control_stream *stream; /* open */
};

/* Takes fd. The connection frees itself when it ends. */
MUST enum err connection_new(struct control *c, struct loop *loop, int fd, unsigned uid,
			     struct control_connection **ret);
void connection_free(struct control_connection *x);
/* What it has asked, or asks first, is still answered, and nothing after that; it may be freed. */
void connection_finish(struct control_connection *x);

/* The server's choice of a verb for the request that has arrived whole; gives reply an answer now
 * or later. */
void control_dispatch(struct control *c, struct control_connection *x, struct control_reply *reply);
/* The connection is being freed. */
void control_forget(struct control *c, struct control_connection *x);

#endif
