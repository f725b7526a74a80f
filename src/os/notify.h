/* What a service tells whoever started it (sd_notify(3), NOTIFY_SOCKET), and the ear of a
 * supervisor. Knows nothing of what follows from a message. */
#ifndef OS_NOTIFY_H
#define OS_NOTIFY_H

#include "base/err.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* The telling side. Opened before the sandbox closes: a connected socket still works in it. */
struct notify {
	int fd; /* -1: nobody asked; every message below is then OK and goes nowhere */
};

/* Connects to $NOTIFY_SOCKET, an absolute path or "@abstract", and removes it from the environment.
 */
MUST enum err notify_open(struct notify *ret);
void notify_done(struct notify *notify);

enum { NOTIFY_READY_WAIT_MS = 500 };
/* READY=1; waits so long for an ear that is full, then EAGAIN. The others wait for nobody. */
MUST enum err notify_ready(const struct notify *notify);
MUST enum err notify_reloaded(const struct notify *notify);  /* READY=1, once more */
MUST enum err notify_reloading(const struct notify *notify); /* RELOADING=1, MONOTONIC_USEC=now */
MUST enum err notify_stopping(const struct notify *notify);  /* STOPPING=1 */
/* STATUS=text; one line, cut at 400 bytes, control characters replaced. */
MUST enum err notify_status(const struct notify *notify, const char *text);
/* Any newline-separated assignments. */
MUST enum err notify_send(const struct notify *notify, const char *text);

enum { NOTIFY_TEXT_MAX = 1023 };

/* The hearing side, of a supervisor. */
struct notify_message {
	int32_t pid;  /* the sender's, vouched for by the kernel; 0: not in our PID namespace */
	uint32_t uid; /* likewise */
	size_t text_len;
	char text[NOTIFY_TEXT_MAX +
		  1]; /* NUL-terminated; assignments one a line. Not to be trusted */
};

/* A nonblocking socket at address: an absolute path (a socket file left there is replaced; mode
 * 0666, since services have other users) or "@name". Abstract names are of one network namespace.
 */
MUST enum err notify_listen(const char *address, int *ret_fd);

/* The next message. EAGAIN: none. Longer ones, and those without credentials, are passed over. */
MUST enum err notify_receive(int fd, struct notify_message *ret);

/* The value of the line KEY=value; false: no such line. */
MUST bool notify_field(const struct notify_message *message, const char *key, struct span *ret);

#endif
