#include "service/vpn/gate/web_redirect.h"

#include "base/siphash.h"
#include "base/writer.h"
#include "service/vpn/gate/packet.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
	ROW = 8,				       /* connections that are searched */
	ROWS_PER_CLIENT = WEB_REDIRECT_PER_PEER / ROW, /* an address's connections lie in these */
	SILENT_MS = 120000,			       /* then a connection is forgotten */
	TCP_SYN = 2,
	TCP_ACK = 16,
	V4_SUM_AT = 10,
	TCP_SUM_AT = 16,
};

/* A client's connection, found by its address and port: what it asked for. */
struct connection {
	uint64_t heard_ms;	  /* 0: free */
	struct ip_address client; /* family 0: free */
	struct ip_address asked;
	uint16_t port;
};

/* busy: held for a few loads and stores; quarantined web traffic is rare, so nobody waits long. */
struct row {
	atomic_flag busy;
	struct connection connections[ROW];
};

struct web_redirect {
	struct hash_key key;
	size_t mask; /* rows, less one */
	struct row rows[];
};

enum err web_redirect_new(size_t connections, const uint8_t key[16], struct web_redirect **ret)
{
	size_t rows = ROWS_PER_CLIENT;
	while (rows * ROW < connections && rows < SIZE_MAX / 2 / sizeof(struct row))
		rows *= 2;
	struct web_redirect *r = calloc(1, sizeof(*r) + rows * sizeof(struct row));
	if (!r)
		return ENOMEM;
	r->key = hash_key_of(key);
	r->mask = rows - 1;
	for (size_t i = 0; i < rows; i++)
		atomic_flag_clear(&r->rows[i].busy);
	*ret = r;
	return OK;
}

void web_redirect_free(struct web_redirect *r)
{
	free(r);
}

static struct row *hold(struct web_redirect *r, const struct ip_address *client, uint16_t port)
{
	uint64_t hash = siphash13_of(r->key, client->bytes, sizeof(client->bytes));
	struct row *row = &r->rows[(hash + port % ROWS_PER_CLIENT) & r->mask];
	while (atomic_flag_test_and_set_explicit(&row->busy, memory_order_acquire))
		;
	return row;
}

static void let_go(struct row *row)
{
	atomic_flag_clear_explicit(&row->busy, memory_order_release);
}

static bool is_free(const struct connection *c, uint64_t now_ms)
{
	return !c->client.family || (now_ms > c->heard_ms && now_ms - c->heard_ms > SILENT_MS);
}

static struct connection *find(struct row *row, const struct ip_address *client, uint16_t port,
			       uint64_t now_ms)
{
	for (size_t i = 0; i < ROW; i++) {
		struct connection *c = &row->connections[i];
		if (c->port == port && ip_address_equal(&c->client, client) && !is_free(c, now_ms))
			return c;
	}
	return NULL;
}

static unsigned count_of(const struct row *row, const struct ip_address *client)
{
	unsigned n = 0;
	for (size_t i = 0; i < ROW; i++)
		n += ip_address_equal(&row->connections[i].client, client);
	return n;
}

/* A free place, or that of the longest silent connection of who has most in this row: whoever opens
 * many pushes out his own. */
static struct connection *make_room(struct row *row, uint64_t now_ms)
{
	struct connection *victim = NULL;
	unsigned most = 0;
	for (size_t i = 0; i < ROW; i++) {
		struct connection *c = &row->connections[i];
		if (is_free(c, now_ms))
			return c;
		unsigned n = count_of(row, &c->client);
		if (n > most || (n == most && c->heard_ms < victim->heard_ms)) {
			victim = c;
			most = n;
		}
	}
	return victim;
}

/* RFC 1624 3, equation 3, over one octet pair after the other; partial: the field is the sum itself
 * and not its complement. */
static void adjust(uint8_t *field, bool partial, struct span was, struct span is)
{
	uint32_t sum = (uint32_t)field[0] << 8 | field[1];
	if (!partial)
		sum = ~sum & 0xffff;
	for (size_t i = 0; i + 1 < was.len; i += 2) {
		sum += ~((uint32_t)was.data[i] << 8 | was.data[i + 1]) & 0xffff;
		sum += (uint32_t)is.data[i] << 8 | is.data[i + 1];
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_u16(field, (uint16_t)(partial ? sum : ~sum));
}

struct place {
	size_t address_at, port_at;
};

/* Exchanges the address and the port at that place of the packet. */
static void exchange(const struct web_redirect_packet *packet, struct place at,
		     const struct ip_address *address, uint16_t port)
{
	uint8_t *bytes = packet->bytes, *tcp = bytes + packet->p->upper_at, port_is[2];
	size_t len = ip_address_len(address);
	struct span was = span_of(bytes + at.address_at, len), is = ip_address_span(address);
	put_u16(port_is, port);
	if (packet->p->family == 4)
		adjust(bytes + V4_SUM_AT, false, was, is);
	adjust(tcp + TCP_SUM_AT, packet->partial, was, is);
	if (!packet->partial) /* the pseudo-header has no ports */
		adjust(tcp + TCP_SUM_AT, false, span_of(tcp + at.port_at, 2), span_of(port_is, 2));
	struct writer w = writer_of(bytes + at.address_at, len);
	write_span(&w, is);
	put_u16(tcp + at.port_at, port);
}

static const struct ip_address *page_of(const struct web_redirect_page *page,
					const struct gate_packet *p)
{
	const struct ip_address *address = p->family == 4 ? &page->page4 : &page->page6;
	return address->family && page->port ? address : NULL;
}

/* Remembers it, or a new connection from that port. */
static bool remember(struct web_redirect *r, const struct gate_packet *p, uint64_t now_ms)
{
	struct ip_address client = ip_address_of(p->source), asked = ip_address_of(p->destination);
	bool begins = (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	struct row *row = hold(r, &client, p->source_port);
	struct connection *c = find(row, &client, p->source_port, now_ms);
	bool known = c && ip_address_equal(&c->asked, &asked);
	if (!c && begins)
		c = make_room(row, now_ms);
	if (known)
		c->heard_ms = now_ms;
	else if (begins)
		*c = (struct connection){.heard_ms = now_ms,
					 .client = client,
					 .asked = asked,
					 .port = p->source_port};
	let_go(row);
	return known || begins;
}

bool web_redirect_in(struct web_redirect *r, const struct web_redirect_page *page,
		     const struct web_redirect_packet *packet, uint64_t now_ms)
{
	const struct gate_packet *p = packet->p;
	const struct ip_address *address = page_of(page, p);
	if (!address || !remember(r, p, now_ms))
		return false;
	exchange(packet, (struct place){.address_at = p->family == 4 ? 16 : 24, .port_at = 2},
		 address, page->port);
	return true;
}

bool web_redirect_out(struct web_redirect *r, const struct web_redirect_page *page,
		      const struct web_redirect_packet *packet, uint64_t now_ms)
{
	const struct gate_packet *p = packet->p;
	if (!page_of(page, p))
		return false;
	struct ip_address client = ip_address_of(p->destination), asked;
	struct row *row = hold(r, &client, p->destination_port);
	struct connection *c = find(row, &client, p->destination_port, now_ms);
	bool known = c != NULL;
	if (known) {
		c->heard_ms = now_ms;
		asked = c->asked;
	}
	let_go(row);
	if (known)
		exchange(packet,
			 (struct place){.address_at = p->family == 4 ? 12 : 8, .port_at = 0},
			 &asked, WEB_REDIRECT_PORT);
	return known;
}
