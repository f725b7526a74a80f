/* The clients of bench/reverse-proxy and bench/forward-proxy: GET by HTTP/1.1, plain or by TLS 1.3,
 *and every answer checked for its status and length. Knows no more of HTTP than the answers of
 *bench/web_origin need.
 *
 *	web_load [OPTION]... ADDRESS PORT PATH LENGTH
 *	-c N     connections                     -n N     requests in all
 *	-r N     requests a second, whatever     -t NAME  by TLS, and the name asked for
 *	         comes back; else as fast as     -f       a connection, and a full handshake,
 *	         answers come                             for each request
 *	-i       one request on each connection, then "idle", and nothing until standard input ends
 *	-a HOST  through a forward proxy at ADDRESS: "GET http://HOST/PATH"; HOST is ADDRESS:PORT
 *	-x HOST  through CONNECT HOST, and -s HOST through SOCKS5: a tunnel for each request,
 *	         which is of 1,024 bytes
 *
 * Prints "key value" lines; ends with 1 when an answer was wrong or missing. With -r a wait counts
 * from when the request was due, not from when a connection was free for it. */
#include "os/ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 1 << 16, EVENTS = 256, HEAD_MAX = 8192, STAGES_MAX = 2, TUNNELLED = 1024 };
#define SECOND_NS UINT64_C(1000000000)

/* What is said before a tunnel is there. */
struct stage {
	char out[256];
	size_t out_len, in_len; /* in_len 0: up to an empty line */
	const char *in;		/* how what comes back begins */
	size_t in_n;
};

struct conn {
	int fd;
	SSL *ssl;
	bool busy;
	bool due;    /* its request is sent with those of others */
	bool ending; /* the other side's end is behind what is to be read */
	bool empty;  /* a short read was the last: what comes later is told anew */
	char head[HEAD_MAX];
	size_t head_len, sent;
	size_t ahead; /* bytes of the head that were received with those of others */
	unsigned stage;
	bool in_body;
	size_t left; /* of the body */
	uint64_t due_ns;
	struct conn *next; /* of the free ones */
};

struct load {
	struct sockaddr_in to;
	struct stage stages[STAGES_MAX];
	unsigned stages_n;
	char request[TUNNELLED + 1];
	size_t request_len, body, conns_n;
	uint64_t requests, rate, started, done, begun_ns;
	bool fresh, idle;
	const char *name;
	SSL_CTX *tls;
	int epoll;
	struct ring *ring;	  /* NULL: each call is made by itself */
	struct conn *due[EVENTS]; /* whose requests are sent together */
	size_t due_n;
	struct conn *conns, *free;
	uint64_t *waits_ns;
};

static void die(const char *what)
{
	fprintf(stderr, "web_load: %s%s%s\n", what, errno ? ": " : "",
		errno ? strerror(errno) : "");
	exit(1);
}

/* The macros of these two cast `const` away; what they are given is only read. */
static bool name_set(SSL *ssl, const char *name)
{
	return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)name) == 1;
}

static bool groups_set(SSL_CTX *tls, const char *groups)
{
	return SSL_CTX_ctrl(tls, SSL_CTRL_SET_GROUPS_LIST, 0, (void *)(uintptr_t)groups) == 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void conn_open(struct load *l, struct conn *c)
{
	int one = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
	    (connect(c->fd, (const struct sockaddr *)&l->to, sizeof(l->to)) != 0 &&
	     errno != EINPROGRESS)) {
		die("connect");
	}
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0) {
		die("epoll_ctl");
	}
	if (l->tls != NULL) {
		c->ssl = SSL_new(l->tls);
		if (c->ssl == NULL || !SSL_set_fd(c->ssl, c->fd) || !name_set(c->ssl, l->name)) {
			die("TLS");
		}
		SSL_set_connect_state(c->ssl);
	}
}

static void conn_close(struct conn *c)
{
	if (c->ssl != NULL) {
		(void)SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	(void)close(c->fd);
	c->fd = -1;
}

/* Bytes; 0: nothing now. The end of the connection is the end of us: all answers have a length. */
static size_t moved(const struct conn *c, ssize_t n, const char *what)
{
	if (n > 0) {
		return (size_t)n;
	}
	if (c->ssl != NULL) {
		int error = SSL_get_error(c->ssl, (int)n);
		if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
			return 0;
		}
	} else if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
		return 0;
	}
	die(what);
	return 0;
}

static size_t conn_read(struct conn *c, char *to, size_t size)
{
	if (c->ahead > 0) {
		size_t n = c->ahead;
		c->ahead = 0;
		return n;
	}
	if (c->empty) {
		return 0;
	}
	ssize_t n = c->ssl ? SSL_read(c->ssl, to, (int)size) : recv(c->fd, to, size, 0);
	c->empty = c->ssl == NULL && n > 0 && (size_t)n < size && !c->ending;
	return moved(c, n, "the proxy hung up before its answer was whole");
}

static void conn_write(const struct load *l, struct conn *c)
{
	const struct stage *stage = c->stage < l->stages_n ? &l->stages[c->stage] : NULL;
	size_t len = stage ? stage->out_len : l->request_len;
	while (c->busy && !c->due && c->sent < len) {
		const char *rest = (stage ? stage->out : l->request) + c->sent;
		size_t size = len - c->sent;
		ssize_t n = c->ssl ? SSL_write(c->ssl, rest, (int)size)
				   : send(c->fd, rest, size, MSG_NOSIGNAL);
		size_t sent = moved(c, n, "the proxy hung up before the request was whole");
		if (sent == 0) {
			return;
		}
		c->sent += sent;
	}
}

/* The requests that are due, by one call. */
static void send_due(struct load *l)
{
	struct ring_item items[EVENTS];
	for (size_t i = 0; i < l->due_n; i++) {
		items[i] = (struct ring_item){.fd = l->due[i]->fd,
					      .from = (const uint8_t *)l->request,
					      .len = l->request_len};
	}
	ring_send_many(l->ring, items, l->due_n);
	for (size_t i = 0; i < l->due_n; i++) {
		if (items[i].result > 0) {
			l->due[i]->sent = (size_t)items[i].result;
		}
		l->due[i]->due = false;
		conn_write(l, l->due[i]); /* what is left, or why nothing went */
	}
	l->due_n = 0;
}

static void begin(struct load *l, struct conn *c, uint64_t due_ns)
{
	l->started++;
	c->busy = true;
	c->sent = c->head_len = 0;
	c->stage = 0;
	c->in_body = false;
	c->due_ns = due_ns;
	if (c->fd < 0) {
		conn_open(l, c);
	} else if (l->ring != NULL && l->due_n < EVENTS) {
		l->due[l->due_n++] = c;
		c->due = true;
	} else {
		conn_write(l, c);
	}
}

static void finish(struct load *l, struct conn *c)
{
	l->waits_ns[l->done++] = now_ns() - c->due_ns;
	c->busy = false;
	if (l->fresh) {
		conn_close(c);
	}
	if (l->idle) {
		return; /* never again */
	}
	if (l->rate == 0 && l->started < l->requests) {
		begin(l, c, now_ns());
		return;
	}
	c->next = l->free;
	l->free = c;
}

/* The head is here: its status and length are looked at, and what follows it is of the body. */
static void head_check(const struct load *l, struct conn *c, const char *end)
{
	size_t len = (size_t)(end + 4 - c->head);
	char *length = NULL;
	c->head[c->head_len < HEAD_MAX ? c->head_len : HEAD_MAX - 1] = '\0';
	for (char *at = c->head; at < end && length == NULL; at++) {
		if (strncasecmp(at, "\ncontent-length:", 16) == 0) {
			length = at + 16;
		}
	}
	errno = 0;
	if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0 || length == NULL ||
	    strtoull(length, NULL, 10) != l->body || c->head_len - len > l->body) {
		die(c->head);
	}
	c->in_body = true;
	c->left = l->body - (c->head_len - len);
}

/* true: it is over, and the next one or the request has been begun. */
static bool stage_turn(const struct load *l, struct conn *c, size_t *ret_got)
{
	const struct stage *s = &l->stages[c->stage];
	size_t room = s->in_len ? s->in_len - c->head_len : HEAD_MAX - 1 - c->head_len;
	*ret_got = conn_read(c, c->head + c->head_len, room);
	c->head_len += *ret_got;
	if (s->in_len ? c->head_len < s->in_len
		      : memmem(c->head, c->head_len, "\r\n\r\n", 4) == NULL) {
		return false;
	}
	if (c->head_len < s->in_n || memcmp(c->head, s->in, s->in_n) != 0) {
		errno = 0;
		c->head[c->head_len] = '\0';
		die(s->in_len ? "the tunnel was refused" : c->head);
	}
	c->stage++;
	c->sent = c->head_len = 0;
	conn_write(l, c);
	return true;
}

static void conn_turn(struct load *l, struct conn *c)
{
	static char sink[IN_MAX];
	conn_write(l, c);
	while (c->fd >= 0) {
		size_t n;
		if (!c->busy) {
			n = conn_read(c, sink, 1); /* an end, or a ticket, but no byte of HTTP */
			if (n > 0) {
				errno = 0;
				die("more than was asked for");
			}
			return;
		}
		if (c->stage < l->stages_n) {
			if (!stage_turn(l, c, &n) && n == 0) {
				return;
			}
			continue;
		}
		if (c->in_body) {
			n = conn_read(c, sink, c->left < IN_MAX ? c->left : IN_MAX);
			c->left -= n;
		} else {
			n = conn_read(c, c->head + c->head_len, HEAD_MAX - 1 - c->head_len);
			c->head_len += n;
			const char *end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
			if (end != NULL) {
				head_check(l, c, end);
			}
		}
		if (c->in_body && c->left == 0) {
			finish(l, c);
		} else if (n == 0) {
			conn_write(l, c); /* a handshake that reading brought to its end */
			return;
		}
	}
}

/* The heads of answers that are here, by one call. */
static void receive_ahead(struct load *l, const struct epoll_event *events, int n)
{
	struct ring_item items[EVENTS];
	struct conn *whose[EVENTS];
	size_t some = 0;
	for (int i = 0; i < n; i++) {
		struct conn *c = events[i].data.ptr;
		if (!c->busy || c->in_body || c->sent < l->request_len ||
		    !(events[i].events & EPOLLIN)) {
			continue;
		}
		items[some] = (struct ring_item){.fd = c->fd,
						 .to = (uint8_t *)c->head + c->head_len,
						 .len = HEAD_MAX - 1 - c->head_len};
		whose[some++] = c;
	}
	ring_receive_many(l->ring, items, some);
	for (size_t i = 0; i < some; i++) {
		if (items[i].result > 0) {
			whose[i]->ahead = (size_t)items[i].result;
			whose[i]->empty = whose[i]->ahead < items[i].len && !whose[i]->ending;
		}
	}
}

/* Begins what is due; returns how long nothing will be. */
static uint64_t pace(struct load *l)
{
	uint64_t now = now_ns();
	while (l->started < l->requests && l->free != NULL) {
		uint64_t due = l->rate ? l->begun_ns + l->started * SECOND_NS / l->rate : now;
		if (due > now) {
			return due - now;
		}
		struct conn *c = l->free;
		l->free = c->next;
		begin(l, c, due);
	}
	return SECOND_NS;
}

static void run(struct load *l)
{
	uint64_t silent_ns = 0;
	while (l->done < l->requests) {
		struct epoll_event events[EVENTS];
		uint64_t wait = pace(l);
		struct timespec t = {.tv_sec = (time_t)(wait / SECOND_NS),
				     .tv_nsec = (long)(wait % SECOND_NS)};
		if (l->due_n > 0) {
			send_due(l);
		}
		int n = epoll_pwait2(l->epoll, events, EVENTS, &t, NULL);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;
			c->ending = events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
			c->empty = false;
		}
		if (l->ring != NULL) {
			receive_ahead(l, events, n);
		}
		for (int i = 0; i < n; i++) {
			conn_turn(l, events[i].data.ptr);
		}
		silent_ns = n == 0 ? silent_ns + wait : 0;
		if (silent_ns > 30 * SECOND_NS) {
			errno = 0;
			die("answers are missing");
		}
	}
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void show(const struct load *l, double seconds)
{
	qsort(l->waits_ns, l->done, sizeof(l->waits_ns[0]), by_size);
	printf("done %llu\nseconds %.3f\nrate %.0f\np50_us %.1f\np99_us %.1f\np999_us %.1f\n",
	       (unsigned long long)l->done, seconds, (double)l->done / seconds,
	       (double)l->waits_ns[l->done / 2] / 1e3,
	       (double)l->waits_ns[l->done * 99 / 100] / 1e3,
	       (double)l->waits_ns[l->done * 999 / 1000] / 1e3);
}

static void tls_open(struct load *l)
{
	l->tls = SSL_CTX_new(TLS_client_method());
	if (l->tls == NULL || !SSL_CTX_set_min_proto_version(l->tls, TLS1_3_VERSION) ||
	    !groups_set(l->tls, "X25519")) {
		die("TLS");
	}
	(void)SSL_CTX_set_session_cache_mode(l->tls, SSL_SESS_CACHE_OFF);
	/* Of the answers, not of the certificate, is what is measured. */
	SSL_CTX_set_verify(l->tls, SSL_VERIFY_NONE, NULL);
}

static void connect_add(struct load *l, const char *host)
{
	struct stage *s = &l->stages[l->stages_n++];
	s->out_len = (size_t)snprintf(s->out, sizeof(s->out),
				      "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host);
	s->in = "HTTP/1.1 200";
	s->in_n = 12;
}

/* RFC 1928: no authentication, then CONNECT to an IPv4 address. */
static void socks_add(struct load *l, const char *host)
{
	static const char hello[] = {5, 1, 0}, hello_back[] = {5, 0}, done[] = {5, 0, 0};
	struct stage *s = &l->stages[l->stages_n++];
	char address[64] = "";
	const char *colon = strchr(host, ':');
	memcpy(s->out, hello, s->out_len = sizeof(hello));
	s->in = hello_back;
	s->in_n = s->in_len = sizeof(hello_back);
	s = &l->stages[l->stages_n++];
	if (colon == NULL || (size_t)(colon - host) >= sizeof(address)) {
		die(host);
	}
	memcpy(address, host, (size_t)(colon - host));
	unsigned long port = strtoul(colon + 1, NULL, 10);
	memcpy(s->out, "\5\1\0\1", 4);
	if (inet_pton(AF_INET, address, s->out + 4) != 1) {
		die(host);
	}
	s->out[8] = (char)(port >> 8);
	s->out[9] = (char)port;
	s->out_len = s->in_len = 10;
	s->in = done;
	s->in_n = sizeof(done);
}

static void request_make(struct load *l, const char *proxied, const char *path)
{
	const char *host = proxied ? proxied : l->name;
	l->request_len =
		(size_t)snprintf(l->request, sizeof(l->request),
				 "GET %s%s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: web_load\r\n",
				 proxied ? "http://" : "", proxied ? proxied : "", path, host);
	if (l->stages_n) {
		static const char name[] = "X-Filling: ";
		memcpy(l->request + l->request_len, name, sizeof(name) - 1);
		l->request_len += sizeof(name) - 1;
		while (l->request_len < TUNNELLED - 4) {
			l->request[l->request_len++] = 'x';
		}
		memcpy(l->request + l->request_len, "\r\n", 2);
		l->request_len += 2;
	}
	memcpy(l->request + l->request_len, "\r\n", 2);
	l->request_len += 2;
}

static void arguments(struct load *l, int argc, char **argv)
{
	int option;
	const char *proxied = NULL;
	*l = (struct load){.conns_n = 64, .requests = 10000, .name = "localhost"};
	bool tls = false;
	while ((option = getopt(argc, argv, "c:n:r:t:a:x:s:fi")) != -1) {
		switch (option) {
		case 'c': l->conns_n = strtoul(optarg, NULL, 10); break;
		case 'n': l->requests = strtoul(optarg, NULL, 10); break;
		case 'r': l->rate = strtoul(optarg, NULL, 10); break;
		case 't':
			tls = true;
			l->name = optarg;
			break;
		case 'a': proxied = optarg; break;
		case 'x':
			connect_add(l, optarg);
			l->fresh = true;
			break;
		case 's':
			socks_add(l, optarg);
			l->fresh = true;
			break;
		case 'f': l->fresh = true; break;
		case 'i': l->idle = true; break;
		default: exit(2);
		}
	}
	if (argc - optind != 4 || l->conns_n == 0 || l->requests == 0) {
		die("usage: web_load [OPTION]... ADDRESS PORT PATH LENGTH");
	}
	l->to = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_port =
					     htons((uint16_t)strtoul(argv[optind + 1], NULL, 10))};
	if (inet_pton(AF_INET, argv[optind], &l->to.sin_addr) != 1) {
		die(argv[optind]);
	}
	l->body = strtoul(argv[optind + 3], NULL, 10);
	request_make(l, proxied, argv[optind + 2]);
	if (l->idle) {
		l->requests = l->conns_n;
	}
	if (tls) {
		tls_open(l);
	}
}

int main(int argc, char **argv)
{
	struct load l;
	arguments(&l, argc, argv);
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	/* So that the load costs its core less than a proxy costs the other. */
	if (l.tls == NULL && l.stages_n == 0 && !l.fresh && ring_new(EVENTS, &l.ring) != OK) {
		l.ring = NULL;
	}
	l.conns = calloc(l.conns_n, sizeof(l.conns[0]));
	l.waits_ns = calloc(l.requests, sizeof(l.waits_ns[0]));
	if (l.epoll < 0 || l.conns == NULL || l.waits_ns == NULL) {
		die("memory");
	}
	for (size_t i = l.conns_n; i-- > 0;) {
		l.conns[i].fd = -1;
		l.conns[i].next = l.free;
		l.free = &l.conns[i];
	}
	l.begun_ns = now_ns();
	run(&l);
	show(&l, (double)(now_ns() - l.begun_ns) / 1e9);
	if (l.idle) {
		char byte;
		printf("idle\n");
		(void)fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) > 0) {
		}
	}
	return 0;
}
