#include "service/reverse-proxy/io_acme_dns.h"

#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "proto/dns/type.h"
#include "proto/dns/update.h"

enum { TRIES = 4, WAIT_MS = 2000, TTL_S = 60 };

static const uint16_t no_answer = UINT16_MAX;

static void over(struct acme_dns *d, enum err why, uint16_t rcode)
{
	acme_dns_stop(d);
	d->done(d->arg, why, rcode);
}

/* --- the message --- */

static struct span message_make(struct acme_dns *d, uint8_t *buf, size_t cap)
{
	uint8_t rdata[1 + sizeof(d->text)];
	struct dns_build b;
	struct writer w = writer_of(rdata, sizeof(rdata));
	write_u8(&w, (uint8_t)strlen(d->text));
	write_text(&w, d->text);
	const struct dns_update_item item = {
		.type = DNS_TYPE_TXT, .ttl_s = TTL_S, .owner = d->owner, .rdata = writer_span(&w)};
	dns_update_begin(&b, buf, cap - DNS_TSIG_LEN_MAX, d->id, &d->zone);
	dns_update_change(&b, d->add ? DNS_UPDATE_ADD : DNS_UPDATE_DELETE, &item);
	struct span m = dns_update_finish(&b);
	if (!d->is_signed || m.len == 0)
		return m;
	const struct dns_tsig_sign sign = {.key = &d->key, .time_s = clock_wall_s()};
	d->mac_len = (uint8_t)crypto_hash_len(d->key.algorithm);
	return span_of(buf, dns_tsig_sign(buf, m.len, cap, &sign, d->mac));
}

static void send_one(struct acme_dns *d)
{
	uint8_t buf[ACME_DNS_MESSAGE_MAX];
	if (crypto_random(&d->id, sizeof(d->id)))
		return; /* the next try draws again */
	struct span m = message_make(d, buf, sizeof(buf));
	const struct names_send s = {.to = d->link.server, .tcp = d->tcp, .message = m};
	if (m.len)
		names_link_send(&d->link, &s);
}

static void late(void *arg)
{
	struct acme_dns *d = arg;
	if (d->tries++ < TRIES) {
		loop_timer_set_after(d->loop, &d->timer, WAIT_MS);
		send_one(d);
	} else if (d->unproved != no_answer) {
		over(d, ERR_REFUSED, d->unproved);
	} else {
		over(d, (enum err)ETIMEDOUT, 0);
	}
}

/* --- its answer --- */

static bool is_proved(const struct acme_dns *d, const struct dns_message *m)
{
	struct dns_tsig t;
	const struct dns_tsig_chain chain = {.prior_mac = span_of(d->mac, d->mac_len)};
	if (!d->is_signed)
		return true;
	return m->tsig_at && dns_tsig_read(m->wire, m->tsig_at, &t) == OK &&
	       dns_name_equal(&t.key, &d->key.name) &&
	       dns_tsig_verify(m->wire, &t, &d->key, &chain, clock_wall_s()) == DNS_TSIG_GOOD;
}

/* RFC 8945 3: the error in the TSIG says more than NOTAUTH. */
static uint16_t rcode_of(const struct dns_message *m)
{
	struct dns_tsig t;
	if (m->tsig_at && dns_tsig_read(m->wire, m->tsig_at, &t) == OK && t.error)
		return t.error;
	return (uint16_t)dns_message_rcode(m);
}

static void answered(void *arg, struct span message)
{
	struct acme_dns *d = arg;
	struct dns_message m;
	if (!d->runs || dns_message_read(message, &m) || !(m.header.flags & DNS_FLAG_QR) ||
	    dns_header_opcode(&m.header) != DNS_OPCODE_UPDATE || m.header.id != d->id)
		return;
	/* Who forges an answer must not end the wait for the right one. */
	if (!is_proved(d, &m)) {
		d->unproved = rcode_of(&m);
		return;
	}
	if (m.header.flags & DNS_FLAG_TC && !d->tcp) {
		d->tcp = true;
		loop_timer_set_after(d->loop, &d->timer, 0);
		return;
	}
	uint16_t rcode = rcode_of(&m);
	over(d, rcode ? ERR_REFUSED : OK, rcode);
}

/* --- its life --- */

enum err acme_dns_update(struct acme_dns *d, const struct reverse_acme_dns_conf *conf,
			 const char *name, const char *text, bool add)
{
	struct dns_name host;
	if (d->runs)
		return ERR_EXISTS;
	TRY(dns_name_from_text(span_text(name), NULL, &host));
	TRY(dns_name_prepend_label(span_text("_acme-challenge"), &host, &d->owner));
	const struct dns_name *zone = reverse_acme_zone(conf, &host);
	if (!zone)
		return ERR_ABSENT;
	if (!span_to_cstr(span_text(text), d->text, sizeof(d->text)))
		return ERR_LIMIT;
	d->is_signed = conf->key.len != 0;
	if (d->is_signed)
		TRY(reverse_acme_tsig(conf, &d->key));
	d->zone = *zone;
	dns_name_lower(&d->zone);
	d->add = add;
	d->runs = true;
	d->tcp = false;
	d->tries = 0;
	d->unproved = no_answer;
	names_link_set(&d->link, d->loop, &conf->server);
	loop_timer_set_after(d->loop, &d->timer, 0);
	return OK;
}

void acme_dns_init(struct acme_dns *d, struct loop *loop, acme_dns_done *done, void *arg)
{
	*d = (struct acme_dns){.loop = loop, .done = done, .arg = arg};
	names_link_init(&d->link);
	d->link.answer = answered;
	d->link.arg = d;
	loop_timer_init(&d->timer, late, d);
}

void acme_dns_stop(struct acme_dns *d)
{
	if (!d->loop)
		return;
	d->runs = false;
	loop_timer_cancel(d->loop, &d->timer);
	if (d->link.loop)
		names_link_close(&d->link);
	secret_done(&d->key.secret);
}
