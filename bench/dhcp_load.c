/* A load of DHCP clients behind a relay, for bench/dhcp: full exchanges of clients that were never
 * there, renewals of known leases, or exchanges at a fixed rate. It counts an exchange only when
 * every answer in it was right and its address is nobody else's. Knows no particular server, and
 * uses no code of ours that it measures.
 *
 *	dhcp_load exchange SERVER RELAY WINDOW SECONDS [SAVE]   DISCOVER to ACK, WINDOW at once
 *	dhcp_load fill     SERVER RELAY WINDOW COUNT   SAVE     the same, until COUNT leases are
 *there dhcp_load renew    SERVER RELAY WINDOW SECONDS KNOWN    REQUEST to ACK, of random known
 *leases dhcp_load rate     SERVER RELAY RATE   SECONDS          DISCOVER to ACK, RATE a second
 *
 * SAVE, KNOWN: a file of leases. FIRST in the environment: number of the first client, so that two
 * runs have no client in common. Prints "key value" lines. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	SLOTS_MAX = 4096,
	BATCH = 64,
	PACKET_MAX = 1500,
	OPTIONS_AT = 240,
	RETRY_MS = 2000,
	DISCOVER = 1,
	OFFER = 2,
	REQUEST = 3,
	ACK = 5,
	NAK = 6,
};

struct lease {
	uint32_t client, address;
};

struct slot {
	enum { FREE, WANTS_OFFER, WANTS_ACK } state;
	uint32_t client, address, server_id, xid;
	uint64_t begun_ns, sent_ns;
};

struct load {
	int fd;
	struct sockaddr_in server;
	uint32_t relay;
	bool renews;
	struct slot slots[SLOTS_MAX];
	uint32_t free_list[SLOTS_MAX];
	uint32_t free_n, generation;
	/* out */
	uint8_t packets[BATCH][PACKET_MAX];
	size_t lengths[BATCH];
	unsigned packets_n;
	/* what was seen */
	uint64_t done, naks, wrong, late, resent, twice, unsent;
	uint64_t *latency_ns;
	size_t latency_n, latency_max;
	struct lease *leases;
	size_t leases_n, leases_max;
	uint8_t *taken; /* a bit for each address below 10.0.0.0/8 */
};

static void die(const char *what)
{
	fprintf(stderr, "dhcp_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void put32(uint8_t *at, uint32_t v)
{
	v = htonl(v);
	memcpy(at, &v, 4);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, 4);
	return ntohl(v);
}

/* --- messages --- */

static void mac_of(uint32_t client, uint8_t mac[6])
{
	mac[0] = 2;
	mac[1] = 0;
	put32(mac + 2, client);
}

static uint8_t *option32(uint8_t *at, uint8_t code, uint32_t value)
{
	at[0] = code;
	at[1] = 4;
	put32(at + 2, value);
	return at + 6;
}

static size_t message(const struct load *l, const struct slot *s, uint8_t type, uint8_t *p)
{
	/* What dhclient asks for, and dhcpcd, and most others. */
	static const uint8_t wanted[] = {55, 10, 1, 3, 6, 12, 15, 28, 42, 51, 58, 59};
	uint8_t *at = p + OPTIONS_AT;

	memset(p, 0, 300);
	p[0] = 1;
	p[1] = 1;
	p[2] = 6;
	p[3] = 1; /* one relay */
	put32(p + 4, s->xid);
	if (type == REQUEST && l->renews)
		put32(p + 12, s->address);
	put32(p + 24, l->relay);
	mac_of(s->client, p + 28);
	put32(p + 236, 0x63825363);
	*at++ = 53;
	*at++ = 1;
	*at++ = type;
	if (type == REQUEST && !l->renews) {
		at = option32(at, 50, s->address);
		at = option32(at, 54, s->server_id);
	}
	memcpy(at, wanted, sizeof(wanted));
	at += sizeof(wanted);
	*at++ = 255;
	return at - p < 300 ? 300 : (size_t)(at - p);
}

static void flush(struct load *l)
{
	struct mmsghdr m[BATCH] = {0};
	struct iovec v[BATCH];
	for (unsigned i = 0; i < l->packets_n; i++) {
		v[i] = (struct iovec){l->packets[i], l->lengths[i]};
		m[i].msg_hdr = (struct msghdr){.msg_name = &l->server,
					       .msg_namelen = sizeof(l->server),
					       .msg_iov = &v[i],
					       .msg_iovlen = 1};
	}
	for (unsigned at = 0; at < l->packets_n;) {
		int n = sendmmsg(l->fd, m + at, l->packets_n - at, 0);
		if (n <= 0) {
			l->unsent += l->packets_n - at; /* asked again after RETRY_MS */
			break;
		}
		at += (unsigned)n;
	}
	l->packets_n = 0;
}

static void send_message(struct load *l, struct slot *s, uint64_t now)
{
	unsigned n = l->packets_n++;
	uint8_t type = s->state == WANTS_OFFER ? DISCOVER : REQUEST;
	l->lengths[n] = message(l, s, type, l->packets[n]);
	s->sent_ns = now;
	if (l->packets_n == BATCH)
		flush(l);
}

struct answer {
	uint8_t type;
	uint32_t address, server_id, lease_s, mask;
	bool routers;
};

static bool read_answer(const uint8_t *p, size_t len, struct answer *ret)
{
	struct answer a = {0};
	if (len < OPTIONS_AT + 4 || p[0] != 2 || get32(p + 236) != 0x63825363)
		return false;
	a.address = get32(p + 16);
	for (size_t at = OPTIONS_AT; at + 1 < len && p[at] != 255;) {
		uint8_t code = p[at], n = p[at + 1];
		const uint8_t *value = p + at + 2;
		if (code == 0) {
			at++;
			continue;
		}
		if (at + 2 + n > len)
			return false;
		if (code == 53 && n == 1)
			a.type = value[0];
		else if (code == 54 && n == 4)
			a.server_id = get32(value);
		else if (code == 51 && n == 4)
			a.lease_s = get32(value);
		else if (code == 1 && n == 4)
			a.mask = get32(value);
		else if (code == 3 && n >= 4)
			a.routers = true;
		at += 2U + n;
	}
	*ret = a;
	return true;
}

/* --- clients --- */

static struct slot *begin(struct load *l, uint32_t client, uint32_t address, uint64_t now)
{
	if (l->free_n == 0)
		return NULL;
	uint32_t place = l->free_list[--l->free_n];
	struct slot *s = &l->slots[place];
	*s = (struct slot){.state = l->renews ? WANTS_ACK : WANTS_OFFER,
			   .client = client,
			   .address = address,
			   .xid = ++l->generation << 12 | place,
			   .begun_ns = now};
	send_message(l, s, now);
	return s;
}

static void end(struct load *l, struct slot *s)
{
	s->state = FREE;
	l->free_list[l->free_n++] = (uint32_t)(s - l->slots);
}

/* False: somebody has the address already. */
static bool take(struct load *l, uint32_t address)
{
	uint32_t at = address & 0xffffff;
	bool was = l->taken[at / 8] >> at % 8 & 1;
	l->taken[at / 8] |= (uint8_t)(1 << at % 8);
	return !was;
}

static void finish(struct load *l, struct slot *s, uint64_t now)
{
	if (!l->renews && !take(l, s->address)) {
		l->twice++;
	} else {
		l->done++;
		if (l->latency_n < l->latency_max)
			l->latency_ns[l->latency_n++] = now - s->begun_ns;
		if (!l->renews && l->leases_n < l->leases_max)
			l->leases[l->leases_n++] = (struct lease){s->client, s->address};
	}
	end(l, s);
}

/* The slot is free again when this returns true. */
static bool take_answer(struct load *l, const uint8_t *p, size_t len, uint64_t now)
{
	struct answer a;
	uint8_t mac[6];
	if (!read_answer(p, len, &a)) {
		l->wrong++;
		return false;
	}
	struct slot *s = &l->slots[get32(p + 4) & (SLOTS_MAX - 1)];
	if (s->state == FREE || s->xid != get32(p + 4)) {
		l->late++;
		return false;
	}
	mac_of(s->client, mac);
	bool right = memcmp(p + 28, mac, 6) == 0 && a.server_id && get32(p + 24) == l->relay;
	if (right && a.type == NAK && s->state == WANTS_ACK) {
		l->naks++;
		end(l, s);
		return true;
	}
	right = right && a.address >> 24 == 10 && a.lease_s && a.mask && a.routers;
	if (right && a.type == OFFER && s->state == WANTS_OFFER) {
		s->state = WANTS_ACK;
		s->address = a.address;
		s->server_id = a.server_id;
		send_message(l, s, now);
	} else if (right && a.type == ACK && s->state == WANTS_ACK && a.address == s->address) {
		finish(l, s, now);
		return true;
	} else if (right && a.type == OFFER) {
		l->late++;
	} else {
		l->wrong++;
	}
	return false;
}

/* Whatever is there; returns how many exchanges ended. */
static unsigned receive(struct load *l)
{
	static uint8_t packets[BATCH][PACKET_MAX];
	struct mmsghdr m[BATCH] = {0};
	struct iovec v[BATCH];
	unsigned ended = 0;
	for (unsigned i = 0; i < BATCH; i++) {
		v[i] = (struct iovec){packets[i], PACKET_MAX};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
	}
	int n = recvmmsg(l->fd, m, BATCH, MSG_DONTWAIT, NULL);
	uint64_t now = now_ns();
	for (int i = 0; i < n; i++)
		ended += take_answer(l, packets[i], m[i].msg_len, now);
	return ended;
}

static void resend(struct load *l)
{
	uint64_t now = now_ns();
	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		struct slot *s = &l->slots[i];
		if (s->state == FREE || now - s->sent_ns < RETRY_MS * 1000000ULL)
			continue;
		l->resent++;
		send_message(l, s, now);
	}
}

static void wait_for_answers(const struct load *l, int timeout_ms)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	(void)poll(&p, 1, timeout_ms);
}

/* --- the modes --- */

static uint32_t random32(void)
{
	static uint64_t state = 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void one_more(struct load *l, uint32_t *client, const struct lease *known, size_t known_n,
		     uint64_t now)
{
	if (!l->renews) {
		(void)begin(l, (*client)++, 0, now);
		return;
	}
	const struct lease *k = &known[random32() % known_n];
	(void)begin(l, k->client, k->address, now);
}

/* window clients at once, until `seconds` are over or `count` are done; returns the seconds. */
static double run_window(struct load *l, unsigned window, double seconds, uint64_t count,
			 uint32_t first, const struct lease *known, size_t known_n)
{
	uint64_t begun = now_ns(), until = begun + (uint64_t)(seconds * 1e9), checked = begun;
	unsigned under_way = 0;
	uint32_t client = first;
	for (;;) {
		uint64_t now = now_ns();
		if (now >= until || l->done >= count)
			return (double)(now - begun) / 1e9;
		for (; under_way < window && l->done + under_way < count; under_way++)
			one_more(l, &client, known, known_n, now);
		flush(l);
		wait_for_answers(l, 100);
		under_way -= receive(l);
		flush(l);
		if (now - checked > 100000000) {
			resend(l);
			checked = now;
		}
	}
}

static double run_rate(struct load *l, double rate, double seconds, uint32_t first)
{
	uint64_t begun = now_ns(), checked = begun, n = 0, all = (uint64_t)(rate * seconds);
	for (;;) {
		uint64_t now = now_ns();
		uint64_t due = begun + (uint64_t)((double)n / rate * 1e9);
		/* From when it was due, so that a server that stalls is not asked less. */
		for (; n < all && due <= now && l->free_n; n++) {
			struct slot *s = begin(l, first + (uint32_t)n, 0, now);
			s->begun_ns = due;
			due = begun + (uint64_t)((double)(n + 1) / rate * 1e9);
		}
		flush(l);
		if ((n == all && l->free_n == SLOTS_MAX) ||
		    now > begun + (uint64_t)(seconds * 1e9) + 5000000000)
			return (double)(now - begun) / 1e9;
		wait_for_answers(l, n < all ? (due > now + 1000000 ? 1 : 0) : 100);
		(void)receive(l);
		flush(l);
		if (now - checked > 100000000) {
			resend(l);
			checked = now;
		}
	}
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void report(struct load *l, double seconds)
{
	static const double percents[] = {50, 90, 99, 99.9};
	printf("done %llu\nseconds %.6f\nrate %.1f\n", (unsigned long long)l->done, seconds,
	       (double)l->done / seconds);
	printf("naks %llu\nwrong %llu\ntwice %llu\nlate %llu\nresent %llu\nunsent %llu\n",
	       (unsigned long long)l->naks, (unsigned long long)l->wrong,
	       (unsigned long long)l->twice, (unsigned long long)l->late,
	       (unsigned long long)l->resent, (unsigned long long)l->unsent);
	qsort(l->latency_ns, l->latency_n, sizeof(*l->latency_ns), compare_u64);
	for (unsigned i = 0; l->latency_n && i < sizeof(percents) / sizeof(percents[0]); i++) {
		size_t at = (size_t)((double)l->latency_n * percents[i] / 100);
		printf("p%g_us %.1f\n", percents[i],
		       (double)l->latency_ns[at < l->latency_n ? at : l->latency_n - 1] / 1000);
	}
}

static void save(const struct load *l, const char *path)
{
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(l->leases, sizeof(*l->leases), l->leases_n, f) != l->leases_n || fclose(f))
		die(path);
}

static struct lease *load_known(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	struct lease *known = malloc(sizeof(*known) << 24);
	if (!f || !known)
		die(path);
	*ret_n = fread(known, sizeof(*known), 1 << 24, f);
	(void)fclose(f);
	if (*ret_n == 0)
		die(path);
	return known;
}

static void open_socket(struct load *l, const char *server, const char *relay)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(67)};
	int size = 8 << 20, on = 1;
	l->server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(67)};
	if (inet_pton(AF_INET, server, &l->server.sin_addr) != 1 ||
	    inet_pton(AF_INET, relay, &own.sin_addr) != 1)
		die("address");
	l->relay = ntohl(own.sin_addr.s_addr);
	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(l->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		die("socket");
}

int main(int argc, char **argv)
{
	static struct load l;
	const char *first_text = getenv("FIRST");
	uint32_t first = first_text ? (uint32_t)strtoul(first_text, NULL, 10) : 1;
	struct lease *known = NULL;
	size_t known_n = 0;
	double seconds = 0;

	if (argc < 6) {
		fprintf(stderr, "usage: dhcp_load exchange|fill|renew|rate SERVER RELAY "
				"WINDOW|RATE SECONDS|COUNT [FILE]\n");
		return 2;
	}
	const char *mode = argv[1], *file = argc > 6 ? argv[6] : NULL;
	double a = strtod(argv[4], NULL), b = strtod(argv[5], NULL);
	open_socket(&l, argv[2], argv[3]);
	l.renews = strcmp(mode, "renew") == 0;
	l.leases_max = file && !l.renews ? 1 << 24 : 0;
	l.latency_max = 1 << 24;
	l.leases = calloc(l.leases_max + 1, sizeof(*l.leases));
	l.latency_ns = malloc(l.latency_max * sizeof(*l.latency_ns));
	l.taken = calloc(1 << 21, 1);
	if (!l.leases || !l.latency_ns || !l.taken)
		die("memory");
	for (unsigned i = 0; i < SLOTS_MAX; i++)
		l.free_list[l.free_n++] = SLOTS_MAX - 1 - i;
	if (l.renews)
		known = load_known(file, &known_n);
	if (strcmp(mode, "rate") == 0)
		seconds = run_rate(&l, a, b, first);
	else if (strcmp(mode, "fill") == 0)
		seconds = run_window(&l, (unsigned)a, 1e6, (uint64_t)b, first, NULL, 0);
	else
		seconds = run_window(&l, (unsigned)a, b, UINT64_MAX, first, known, known_n);
	report(&l, seconds);
	if (file && !l.renews)
		save(&l, file);
	free(known);
	return l.wrong || l.twice ? 1 : 0;
}
