/* Many peers that shake hands with one WireGuard responder, each once, so many at a time as a
 * window says, and strangers who flood it. Speaks with our own handshake code, which the vectors of
 * another implementation bind (src/proto/wireguard/vectors_test.h); what is measured is the other
 * end.
 *
 *	vpn_handshakes keys N                                  N public keys, a line each
 *	vpn_handshakes run N PUBLIC-KEY ADDRESS PORT WINDOW    "ANSWERED SECONDS"
 *	vpn_handshakes flood PUBLIC-KEY ADDRESS PORT SECONDS   "SENT", mac1 right and nothing else
 */
#include "crypto/random.h"
#include "proto/wireguard/cookie.h"
#include "proto/wireguard/key.h"
#include "proto/wireguard/noise.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PEERS_MAX = 100000, SILENCE_MS = 3000, FLOOD_MESSAGES = 256, VERIFIED_ONE_IN = 16 };

struct client {
	struct noise_identity identity;
	struct noise_peer server;
	struct noise_handshake handshake;
	struct wg_initiation initiation;
	bool answered;
};

static struct client *clients;
static struct wg_mac_keys server_macs;

_Noreturn static void fail(const char *what)
{
	(void)fprintf(stderr, "vpn_handshakes: %s\n", what);
	exit(1);
}

static double now_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t number(const char *text, size_t max)
{
	uint64_t n;
	if (!span_to_u64(span_text(text), max, &n))
		fail("a number is too large or none");
	return (size_t)n;
}

/* The same for each number in every run, so that `keys` tells whom `run` will be. */
static void identity_of(size_t n, struct noise_identity *ret)
{
	uint8_t private[WG_KEY_LEN] = {'b', 'e', 'n', 'c', 'h'};
	wg_put_u32(private + 8, (uint32_t)n + 1);
	noise_identity_init(ret, private);
}

static int keys_print(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct noise_identity identity;
		char text[WG_KEY_BASE64_LEN + 1];
		identity_of(i, &identity);
		wg_key_write_base64(identity.public, text);
		(void)puts(text);
	}
	return 0;
}

static int socket_to(const char *address, const char *port, const char *key,
		     uint8_t ret_public[WG_KEY_LEN])
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)number(port, UINT16_MAX))};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		fail("no way to that address");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (wg_key_read_base64(span_text(key), ret_public))
		fail("that is no public key");
	wg_mac_keys_init(&server_macs, ret_public);
	return fd;
}

static void client_prepare(struct client *c, size_t n, const uint8_t server[WG_KEY_LEN])
{
	uint8_t entropy[WG_KEY_LEN], timestamp[WG_TAI64N_LEN];
	struct wg_cookie cookie = {0};
	identity_of(n, &c->identity);
	noise_timestamp((uint64_t)time(NULL), 0, timestamp);
	if (noise_peer_init(&c->server, &c->identity, server, NULL) ||
	    crypto_random(entropy, sizeof(entropy)) ||
	    noise_initiation_write(&c->handshake, &c->identity, &c->server, entropy, timestamp,
				   (uint32_t)n, &c->initiation))
		fail("a handshake could not be begun");
	wg_cookie_sign(&cookie, &server_macs, 0, (uint8_t *)&c->initiation, sizeof(c->initiation));
}

/* A response to one of us; true when it is a new one. */
static bool take(const uint8_t *datagram, size_t len, size_t clients_n)
{
	if (wg_message_kind(span_of(datagram, len)) != WG_RESPONSE)
		return false;
	const struct wg_response *m = (const void *)datagram;
	size_t n = wg_get_u32(m->receiver);
	if (n >= clients_n || clients[n].answered)
		return false;
	struct client *c = &clients[n];
	if (n % VERIFIED_ONE_IN == 0 &&
	    noise_response_read(&c->handshake, &c->identity, &c->server, m))
		fail("a response was wrong");
	return c->answered = true;
}

static int run(int fd, const uint8_t server[WG_KEY_LEN], size_t n, size_t window)
{
	size_t sent = 0, answered = 0;
	uint8_t datagram[2048];
	clients = calloc(n, sizeof(*clients));
	if (!clients)
		fail("no memory");
	for (size_t i = 0; i < n; i++)
		client_prepare(&clients[i], i, server);
	double start_s = now_s(), last_s = start_s;
	while (answered < n) {
		for (; sent < n && sent - answered < window; sent++)
			(void)send(fd, &clients[sent].initiation, sizeof(clients[sent].initiation),
				   0);
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		if (poll(&readable, 1, SILENCE_MS) != 1)
			break;
		ssize_t len = recv(fd, datagram, sizeof(datagram), 0);
		if (len > 0 && take(datagram, (size_t)len, n)) {
			answered++;
			last_s = now_s();
		}
	}
	(void)printf("%zu %.6f\n", answered, last_s - start_s);
	free(clients);
	return 0;
}

static int flood(int fd, size_t seconds)
{
	static struct wg_initiation messages[FLOOD_MESSAGES];
	size_t sent = 0;
	for (size_t i = 0; i < FLOOD_MESSAGES; i++) {
		struct wg_cookie cookie = {0};
		if (crypto_random(&messages[i], sizeof(messages[i])))
			fail("no random bytes");
		wg_put_kind(messages[i].type, WG_INITIATION);
		wg_cookie_sign(&cookie, &server_macs, 0, (uint8_t *)&messages[i],
			       sizeof(messages[i]));
	}
	for (double end_s = now_s() + (double)seconds; now_s() < end_s;)
		for (size_t i = 0; i < FLOOD_MESSAGES; i++)
			sent += send(fd, &messages[i], sizeof(messages[i]), 0) > 0;
	(void)printf("%zu\n", sent);
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t server[WG_KEY_LEN];
	if (argc == 3 && strcmp(argv[1], "keys") == 0)
		return keys_print(number(argv[2], PEERS_MAX));
	if (argc == 7 && strcmp(argv[1], "run") == 0) {
		int fd = socket_to(argv[4], argv[5], argv[3], server);
		return run(fd, server, number(argv[2], PEERS_MAX), number(argv[6], PEERS_MAX));
	}
	if (argc == 6 && strcmp(argv[1], "flood") == 0)
		return flood(socket_to(argv[3], argv[4], argv[2], server), number(argv[5], 3600));
	fail("see the top of bench/vpn_handshakes.c");
}
