/* TCP for bench/nat: a client and a server in two network namespaces, both on the core that this is
 *pinned to, and what they cost. Knows no translator.
 *
 *	nat_tcp bulk    FROM TO TARGET SECONDS          bytes from FROM to TARGET, an address of TO
 *	nat_tcp connect FROM TO TARGET COUNT SOURCES    connections, one after another, each from a
 *port of its own, spread over SOURCES (ADDRESS,N); the server closes each at once
 *
 * Prints "key value" lines. cpu_ns is what both have run, and this core's ksoftirqd. */
#include "bench/nat_core.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 5001, CHUNK = 1 << 17, BACKLOG = 128, FIRST_PORT = 1024 };

struct sources {
	uint32_t first, n;
};

static void die(const char *what)
{
	fprintf(stderr, "nat_tcp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address_of(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		die(text);
	}
	return a;
}

static int listener(const char *netns, const char *target)
{
	if (!core_enter(netns)) {
		die(netns);
	}
	struct sockaddr_in a = address_of(target);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, BACKLOG) != 0) {
		die("listen");
	}
	return fd;
}

/* Reads all that comes, or hangs up at once, until it is ended. */
static void serve(int listening, bool reads)
{
	static char buffer[CHUNK];
	for (;;) {
		int fd = accept(listening, NULL, NULL);
		while (fd >= 0 && reads && read(fd, buffer, sizeof(buffer)) > 0) {
		}
		if (fd >= 0) {
			(void)close(fd);
		}
	}
}

static uint64_t bulk(const char *target, double seconds)
{
	static char buffer[CHUNK];
	struct sockaddr_in a = address_of(target);
	uint64_t sent = 0, until = core_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
		die("connect");
	}
	while (core_ns(CLOCK_MONOTONIC) < until) {
		ssize_t n = write(fd, buffer, sizeof(buffer));
		if (n < 0) {
			die("write");
		}
		sent += (uint64_t)n;
	}
	(void)close(fd);
	return sent;
}

static void connect_once(const struct sockaddr_in *target, const struct sockaddr_in *source)
{
	char byte;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, (const struct sockaddr *)source, sizeof(*source)) != 0 ||
	    connect(fd, (const struct sockaddr *)target, sizeof(*target)) != 0 ||
	    read(fd, &byte, 1) != 0) {
		die("connection");
	}
	(void)close(fd);
}

static uint64_t connect_all(const char *target, unsigned count, struct sources sources)
{
	struct sockaddr_in to = address_of(target);
	for (unsigned i = 0; i < count; i++) {
		struct sockaddr_in from = {
			.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(sources.first + i % sources.n),
			.sin_port = htons((uint16_t)(FIRST_PORT + i / sources.n)),
		};
		connect_once(&to, &from);
	}
	return count;
}

static struct sources read_sources(char *text)
{
	char *comma = strchr(text, ',');
	if (comma == NULL) {
		die(text);
	}
	*comma = '\0';
	return (struct sources){.first = ntohl(address_of(text).sin_addr.s_addr),
				.n = (uint32_t)strtoul(comma + 1, NULL, 10)};
}

int main(int argc, char **argv)
{
	bool bulks = argc == 6 && strcmp(argv[1], "bulk") == 0;
	if (!bulks && (argc != 7 || strcmp(argv[1], "connect") != 0)) {
		die("arguments");
	}
	struct core core;
	if (!core_take(&core)) {
		die("SCHED_FIFO");
	}
	int listening = listener(argv[3], argv[4]);
	struct core_spent since = core_spent(&core);
	pid_t child = fork();
	if (child == 0) {
		serve(listening, bulks);
	}
	if (child < 0 || !core_enter(argv[2])) {
		die(argv[2]);
	}
	uint64_t done = bulks ? bulk(argv[4], strtod(argv[5], NULL))
			      : connect_all(argv[4], (unsigned)strtoul(argv[5], NULL, 10),
					    read_sources(argv[6]));
	struct rusage theirs;
	(void)kill(child, SIGTERM);
	if (wait4(child, NULL, 0, &theirs) != child) {
		die("wait");
	}
	printf("done %llu\n", (unsigned long long)done);
	core_show(&core, since,
		  (uint64_t)(theirs.ru_utime.tv_sec + theirs.ru_stime.tv_sec) * 1000000000 +
			  (uint64_t)(theirs.ru_utime.tv_usec + theirs.ru_stime.tv_usec) * 1000);
	return 0;
}
