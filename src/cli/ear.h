/* A packet socket that is listened to until enough has been shown, a time is up, or Ctrl-C: what
 * the verbs that watch have in common. Knows nothing of what is in the packets. */
#ifndef CLI_EAR_H
#define CLI_EAR_H

#include "cli/command.h"
#include "os/loop.h"
#include "os/packet.h"

enum { EAR_PACKET_SIZE = 65536 };

struct ear {
	const struct command_line *line;
	int fd; /* of packet_open; the verb says what it hears */
	/* Shows what is in `packet`; false: nothing of what is counted. */
	bool (*show)(void *arg, const struct packet_received *r);
	void *arg;
	uint64_t count, left; /* to show, and yet; 0: without end */
	uint64_t seconds;     /* 0: without end */
	bool failed;	      /* the socket */
	struct loop loop;
	struct loop_watch watch;
	struct loop_timer end;
	uint8_t packet[EAR_PACKET_SIZE];
};

/* A whole number up to max; *ret stays when it was not given. */
bool ear_number(const struct command_line *line, const char *option, uint64_t max, uint64_t *ret);

/* With --count and --seconds; false: they are no numbers. */
bool ear_init(struct ear *ear, const struct command_line *line,
	      bool (*show)(void *arg, const struct packet_received *r), void *arg);
MUST enum err ear_run(struct ear *ear);

/* Closes it; whether what was asked for did not come. */
bool ear_done(struct ear *ear);

#endif
