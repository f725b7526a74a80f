/* The web server behind the proxies of bench/reverse-proxy and bench/forward-proxy: one thread, and
 *for each path one answer that was made before. Knows no more of HTTP than where a request without
 *a body ends.
 *
 *	web_origin ADDRESS PORT */
#include "os/ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 4096, HEAD_MAX = 256, EVENTS = 256, BACKLOG = 4096 };

struct answer {
	const char *path;
	size_t body;
	const char *fields; /* more of them; NULL: none */
	char *bytes;
	size_t len;
};

struct peer {
	int fd;
	char in[IN_MAX];
	size_t in_len;
	const struct answer *answer; /* under way */
	size_t sent;
	bool ending; /* the other side's end is behind what is to be read */
	bool empty;  /* a short read was the last: what comes later is told anew */
};

/* Of one turn: who has something, and whose answers begin. */
struct turn {
	struct ring *ring; /* NULL: each call is made by itself */
	struct peer *whose[EVENTS];
	struct ring_item items[EVENTS];
	size_t n;
};

static void die(const char *what)
{
	fprintf(stderr, "web_origin: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void answer_make(struct answer *a)
{
	a->bytes = malloc(HEAD_MAX + a->body);
	if (a->bytes == NULL) {
		die("memory");
	}
	/* What may be kept is so from a date on. */
	char date[64] = "";
	time_t now = time(NULL);
	struct tm t;
	if (a->fields != NULL) {
		(void)strftime(date, sizeof(date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
			       gmtime_r(&now, &t));
	}
	int head = snprintf(a->bytes, HEAD_MAX,
			    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
			    "%s%sContent-Length: %zu\r\n\r\n",
			    date, a->fields ? a->fields : "", a->body);
	memset(a->bytes + head, 'x', a->body);
	a->len = (size_t)head + a->body;
}

static int listener(const char *address, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1 || fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, BACKLOG) != 0) {
		die("listen");
	}
	return fd;
}

static void watch(int epoll, int fd, void *what, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = what};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
		die("epoll_ctl");
	}
}

static void peer_accept(int epoll, int listening)
{
	int one = 1, fd;
	while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer *p = calloc(1, sizeof(*p));
		if (p == NULL || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
			die("accept");
		}
		p->fd = fd;
		watch(epoll, fd, p, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	}
}

/* The answer to the request at the start of the buffer, which is taken out; NULL: not whole. */
static const struct answer *request_take(struct peer *p, const struct answer *answers)
{
	const char *end = memmem(p->in, p->in_len, "\r\n\r\n", 4);
	if (end == NULL) {
		return NULL;
	}
	const struct answer *a = answers;
	while (a->path != NULL && (p->in_len < 5 + strlen(a->path) ||
				   memcmp(p->in + 4, a->path, strlen(a->path)) != 0 ||
				   p->in[4 + strlen(a->path)] != ' ')) {
		a++;
	}
	if (a->path == NULL) {
		fprintf(stderr, "web_origin: no such path: %.40s\n", p->in);
		exit(1);
	}
	size_t used = (size_t)(end + 4 - p->in);
	memmove(p->in, p->in + used, p->in_len - used);
	p->in_len -= used;
	return a;
}

/* false: it is over. */
static bool peer_send(struct peer *p)
{
	while (p->answer != NULL) {
		ssize_t n = send(p->fd, p->answer->bytes + p->sent, p->answer->len - p->sent,
				 MSG_NOSIGNAL);
		if (n < 0) {
			return errno == EAGAIN;
		}
		p->sent += (size_t)n;
		if (p->sent == p->answer->len) {
			p->answer = NULL;
		}
	}
	return true;
}

static bool peer_turn(struct peer *p, const struct answer *answers)
{
	for (;;) {
		if (!peer_send(p)) {
			return false;
		}
		if (p->answer != NULL) {
			return true;
		}
		if ((p->answer = request_take(p, answers)) != NULL) {
			p->sent = 0;
			continue;
		}
		if (p->empty) {
			return true;
		}
		size_t room = IN_MAX - p->in_len;
		ssize_t n = recv(p->fd, p->in + p->in_len, room, 0);
		if (n <= 0) {
			return n < 0 && errno == EAGAIN;
		}
		p->in_len += (size_t)n;
		p->empty = (size_t)n < room && !p->ending;
	}
}

/* The requests that are here, by one call. */
static void receive_ahead(struct turn *t, const struct epoll_event *events, int n)
{
	t->n = 0;
	for (int i = 0; i < n; i++) {
		struct peer *p = events[i].data.ptr;
		if (p == NULL || p->answer != NULL || !(events[i].events & EPOLLIN)) {
			continue;
		}
		t->items[t->n] = (struct ring_item){
			.fd = p->fd, .to = p->in + p->in_len, .len = IN_MAX - p->in_len};
		t->whose[t->n++] = p;
	}
	ring_receive_many(t->ring, t->items, t->n);
	for (size_t i = 0; i < t->n; i++) {
		if (t->items[i].result > 0) {
			t->whose[i]->in_len += (size_t)t->items[i].result;
			t->whose[i]->empty = (size_t)t->items[i].result < t->items[i].len &&
					     !t->whose[i]->ending;
		}
	}
}

/* The answers to them, by another. */
static void answer_ahead(struct turn *t, const struct answer *answers)
{
	size_t some = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct peer *p = t->whose[i];
		if ((p->answer = request_take(p, answers)) == NULL) {
			continue;
		}
		p->sent = 0;
		t->items[some] = (struct ring_item){
			.fd = p->fd, .from = p->answer->bytes, .len = p->answer->len};
		t->whose[some++] = p;
	}
	ring_send_many(t->ring, t->items, some);
	for (size_t i = 0; i < some; i++) {
		struct peer *p = t->whose[i];
		p->sent = t->items[i].result > 0 ? (size_t)t->items[i].result : 0;
		if (p->sent == p->answer->len) {
			p->answer = NULL;
		}
	}
}

int main(int argc, char **argv)
{
	static struct answer answers[] = {
		{.path = "/1k", .body = 1 << 10},
		{.path = "/64k", .body = 1 << 16},
		{.path = "/1m", .body = 1 << 20},
		{.path = "/kept/1k", .body = 1 << 10, .fields = "Cache-Control: max-age=86400\r\n"},
		{.path = "/passed/1k", .body = 1 << 10, .fields = "Cache-Control: no-store\r\n"},
		{0}};
	if (argc != 3) {
		die("usage: web_origin ADDRESS PORT");
	}
	for (struct answer *a = answers; a->path != NULL; a++) {
		answer_make(a);
	}
	int listening = listener(argv[1], argv[2]), epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0) {
		die("epoll");
	}
	/* So that it and the load cost their core less than a proxy costs the other. */
	static struct turn turn;
	if (ring_new(EVENTS, &turn.ring) != OK) {
		turn.ring = NULL;
	}
	watch(epoll, listening, NULL, EPOLLIN);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;
			if (p != NULL) {
				p->ending = events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
				p->empty = false;
			}
		}
		if (turn.ring != NULL) {
			receive_ahead(&turn, events, n);
			answer_ahead(&turn, answers);
		}
		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;
			if (p == NULL) {
				peer_accept(epoll, listening);
			} else if (!peer_turn(p, answers)) {
				(void)close(p->fd);
				free(p);
			}
		}
	}
}
