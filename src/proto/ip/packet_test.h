/* For tests of super-packets: a TCP or UDP packet, written octet by octet with slow checksums.
 * Knows nothing of what it tests. */
#ifndef PROTO_IP_PACKET_TEST_H
#define PROTO_IP_PACKET_TEST_H

#include "test/random.h"

#include <stdbool.h>
#include <string.h>

struct test_packet {
	uint8_t version; /* 4 or 6 */
	bool tcp, dont_fragment;
	bool checksum_wrong;
	uint8_t tos, ttl, flags, options_words;
	uint16_t ident, window;
	uint8_t addresses[32]; /* source, destination */
	uint16_t ports[2];
	uint32_t sequence, acknowledge;
	uint8_t options[40];
	const uint8_t *octets; /* borrowed */
	size_t octets_len;
	/* by test_packet_write */
	size_t transport, payload, len;
	uint8_t wire[65536];
};

static inline void test_packet_random(struct test_packet *p, struct test_random *r)
{
	memset(p, 0, offsetof(struct test_packet, wire));
	p->version = test_random_below(r, 2) ? 4 : 6;
	p->tcp = test_random_below(r, 2);
	p->dont_fragment = test_random_below(r, 2);
	p->tos = (uint8_t)test_random_next(r);
	p->ttl = (uint8_t)test_random_next(r);
	p->flags = (uint8_t)test_random_next(r);
	p->ident = (uint16_t)test_random_next(r);
	p->window = (uint16_t)test_random_next(r);
	p->sequence = (uint32_t)test_random_next(r);
	p->acknowledge = (uint32_t)test_random_next(r);
	p->options_words = (uint8_t)test_random_below(r, 11);
	p->ports[0] = (uint16_t)test_random_next(r);
	p->ports[1] = (uint16_t)test_random_next(r);
	test_random_fill(r, p->addresses, sizeof(p->addresses));
	test_random_fill(r, p->options, sizeof(p->options));
}

static inline void test_put(struct test_packet *p, size_t at, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		p->wire[at + i] = (uint8_t)(value >> 8 * (octets - 1 - i));
}

/* RFC 1071 1, pair by pair. */
static inline uint32_t test_sum(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* The pseudo-header's sum (RFC 768, RFC 8200 8.1), not complemented. */
static inline uint16_t test_packet_pseudo(const struct test_packet *p)
{
	size_t address = p->version == 4 ? 4 : 16, upper = p->len - p->transport;
	uint32_t sum = test_sum(0, p->addresses, 2 * address);
	uint8_t rest[4] = {0, p->tcp ? 6 : 17, (uint8_t)(upper >> 8), (uint8_t)upper};
	return (uint16_t)test_sum(sum, rest, sizeof(rest));
}

static inline void test_packet_write_ip(struct test_packet *p)
{
	uint8_t protocol = p->tcp ? 6 : 17;
	if (p->version == 6) {
		test_put(p, 0, 0x60000000u | (uint32_t)p->tos << 20 | 0x12345, 4);
		test_put(p, 4, p->len - 40, 2);
		p->wire[6] = protocol;
		p->wire[7] = p->ttl;
		memcpy(p->wire + 8, p->addresses, 32);
		return;
	}
	test_put(p, 0, 0x4500u | p->tos, 2);
	test_put(p, 2, p->len, 2);
	test_put(p, 4, p->ident, 2);
	test_put(p, 6, p->dont_fragment ? 0x4000 : 0, 2);
	p->wire[8] = p->ttl;
	p->wire[9] = protocol;
	test_put(p, 10, 0, 2);
	memcpy(p->wire + 12, p->addresses, 8);
	test_put(p, 10, ~test_sum(0, p->wire, 20), 2);
}

/* Fills in transport, payload, len and wire. */
static inline void test_packet_write(struct test_packet *p)
{
	p->transport = p->version == 4 ? 20 : 40;
	p->payload = p->transport + (p->tcp ? 20 + 4u * p->options_words : 8);
	p->len = p->payload + p->octets_len;
	test_packet_write_ip(p);
	size_t at = p->transport, field = at + (p->tcp ? 16 : 6);
	test_put(p, at, p->ports[0], 2);
	test_put(p, at + 2, p->ports[1], 2);
	if (p->tcp) {
		test_put(p, at + 4, p->sequence, 4);
		test_put(p, at + 8, p->acknowledge, 4);
		p->wire[at + 12] = (uint8_t)((5 + p->options_words) << 4);
		p->wire[at + 13] = p->flags;
		test_put(p, at + 14, p->window, 2);
		test_put(p, at + 16, 0, 4);
		memcpy(p->wire + at + 20, p->options, 4u * p->options_words);
	} else {
		test_put(p, at + 4, p->len - at, 2);
		test_put(p, at + 6, 0, 2);
	}
	if (p->octets_len)
		memcpy(p->wire + p->payload, p->octets, p->octets_len);
	uint32_t sum = test_sum(test_packet_pseudo(p), p->wire + at, p->len - at);
	uint16_t checksum = (uint16_t)~sum;
	if (!p->tcp && checksum == 0)
		checksum = 0xffff;
	test_put(p, field, checksum ^ (p->checksum_wrong ? 0x0100 : 0), 2);
}

#endif
