#include "proto/dhcp6/ia.h"

#include "base/reader.h"
#include "base/writer.h"
#include "proto/dhcp6/message.h"

static struct ip_address read_address(struct reader *r)
{
	struct ip_address a = {.family = 6};
	read_bytes(r, a.bytes, 16);
	return a;
}

static enum err read_status(struct span body, uint16_t *ret)
{
	struct reader r = reader_of_span(body);
	uint16_t status = read_u16(&r);
	TRY(reader_check(&r)); /* text follows */
	*ret = status;
	return OK;
}

/* What an IAADDR or an IAPREFIX holds behind its fixed fields. */
static enum err read_lease_options(struct reader *r, struct dhcp6_lease *l)
{
	struct dhcp6_option o;
	for (unsigned n = 0; dhcp6_option_next(r, &o); n++) {
		if (n == DHCP6_OPTIONS_MAX)
			return ERR_LIMIT;
		if (o.code == DHCP6_OPT_STATUS_CODE && !l->has_status) {
			TRY(read_status(o.body, &l->status));
			l->has_status = true;
		} else if (o.code == DHCP6_OPT_PD_EXCLUDE && !l->excluded.address.family) {
			/* RFC 6603 4.2: one that does not fit is as if it were not there. */
			err_ignore(dhcp6_pd_exclude_read(o.body, &l->prefix, &l->excluded));
		}
	}
	return reader_end(r);
}

static enum err read_address_lease(struct span body, struct dhcp6_lease *ret)
{
	struct reader r = reader_of_span(body);
	struct dhcp6_lease l = {.prefix = {.address = read_address(&r), .bits = 128}};
	l.preferred_s = read_u32(&r);
	l.valid_s = read_u32(&r);
	TRY(reader_check(&r));
	TRY(read_lease_options(&r, &l));
	*ret = l;
	return OK;
}

static enum err read_prefix_lease(struct span body, struct dhcp6_lease *ret)
{
	struct reader r = reader_of_span(body);
	struct dhcp6_lease l = {0};
	l.preferred_s = read_u32(&r);
	l.valid_s = read_u32(&r);
	uint8_t bits = read_u8(&r);
	struct ip_address a = read_address(&r);
	TRY(reader_check(&r));
	if (bits > 128)
		return ERR_FORMAT;
	/* RFC 8415 21.22: "the bits in the prefix after the prefix length are reserved and MUST be
	 * initialized to zero by the sender and ignored by the receiver". */
	l.prefix = ip_prefix_of(&a, bits);
	TRY(read_lease_options(&r, &l));
	*ret = l;
	return OK;
}

static enum err read_lease(enum dhcp6_ia_kind kind, struct span body, struct dhcp6_lease *ret)
{
	return kind == DHCP6_IA_PD ? read_prefix_lease(body, ret) : read_address_lease(body, ret);
}

static uint16_t lease_code(enum dhcp6_ia_kind kind)
{
	return kind == DHCP6_IA_PD ? DHCP6_OPT_IAPREFIX : DHCP6_OPT_IAADDR;
}

static enum err check_ia_options(struct reader r, struct dhcp6_ia *ia)
{
	struct dhcp6_option o;
	struct dhcp6_lease lease;
	for (unsigned n = 0; dhcp6_option_next(&r, &o); n++) {
		if (n == DHCP6_OPTIONS_MAX)
			return ERR_LIMIT;
		if (o.code == lease_code(ia->kind)) {
			TRY(read_lease(ia->kind, o.body, &lease));
		} else if (o.code == DHCP6_OPT_STATUS_CODE && !ia->has_status) {
			TRY(read_status(o.body, &ia->status));
			ia->has_status = true;
		}
	}
	return reader_end(&r);
}

enum err dhcp6_ia_read(const struct dhcp6_option *o, struct dhcp6_ia *ret)
{
	struct reader r = reader_of_span(o->body);
	struct dhcp6_ia ia = {.kind = o->code == DHCP6_OPT_IA_NA   ? DHCP6_IA_NA
				      : o->code == DHCP6_OPT_IA_TA ? DHCP6_IA_TA
								   : DHCP6_IA_PD};
	ASSERT(ia.kind != DHCP6_IA_PD || o->code == DHCP6_OPT_IA_PD);
	ia.iaid = read_u32(&r);
	if (ia.kind != DHCP6_IA_TA) {
		ia.t1_s = read_u32(&r);
		ia.t2_s = read_u32(&r);
	}
	TRY(reader_check(&r));
	ia.options = span_sub(o->body, r.pos, reader_left(&r));
	TRY(check_ia_options(r, &ia));
	*ret = ia;
	return OK;
}

bool dhcp6_lease_next(struct reader *r, enum dhcp6_ia_kind kind, struct dhcp6_lease *ret)
{
	struct dhcp6_option o;
	while (dhcp6_option_next(r, &o))
		if (o.code == lease_code(kind) && read_lease(kind, o.body, ret) == OK)
			return true;
	return false;
}

/* --- writing --- */

size_t dhcp6_ia_begin(struct writer *w, enum dhcp6_ia_kind kind, uint32_t iaid, uint32_t t1_s,
		      uint32_t t2_s)
{
	size_t at = dhcp6_option_begin(w, kind == DHCP6_IA_NA	? DHCP6_OPT_IA_NA
					  : kind == DHCP6_IA_TA ? DHCP6_OPT_IA_TA
								: DHCP6_OPT_IA_PD);
	write_u32(w, iaid);
	if (kind != DHCP6_IA_TA) {
		write_u32(w, t1_s);
		write_u32(w, t2_s);
	}
	return at;
}

void dhcp6_write_lease(struct writer *w, enum dhcp6_ia_kind kind, const struct dhcp6_lease *l,
		       const char *status_text)
{
	size_t at = dhcp6_option_begin(w, lease_code(kind));
	if (kind == DHCP6_IA_PD) {
		write_u32(w, l->preferred_s);
		write_u32(w, l->valid_s);
		write_u8(w, l->prefix.bits);
		write_bytes(w, l->prefix.address.bytes, 16);
		if (l->excluded.address.family)
			dhcp6_write_pd_exclude(w, &l->prefix, &l->excluded);
	} else {
		write_bytes(w, l->prefix.address.bytes, 16);
		write_u32(w, l->preferred_s);
		write_u32(w, l->valid_s);
	}
	if (l->has_status)
		dhcp6_write_status(w, l->status, status_text ? status_text : "");
	dhcp6_option_end(w, at);
}

/* --- prefix exclude: the excluded prefix's bits behind those of the delegated one --- */

static bool bit_of(const uint8_t *bytes, unsigned bit)
{
	return bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static void copy_bits(const uint8_t *from, unsigned from_bit, uint8_t *to, unsigned to_bit,
		      unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (bit_of(from, from_bit + i))
			to[(to_bit + i) / 8] |= (uint8_t)(1u << (7 - (to_bit + i) % 8));
}

enum err dhcp6_pd_exclude_read(struct span body, const struct ip_prefix *delegated,
			       struct ip_prefix *ret)
{
	struct reader r = reader_of_span(body);
	uint8_t subnet[16] = {0};
	uint8_t bits = read_u8(&r);
	/* RFC 6603 4.2: "between OPTION_IAPREFIX prefix-length+1 and 128". */
	if (r.bad || bits <= delegated->bits || bits > 128)
		return ERR_FORMAT;
	unsigned n = (unsigned)(bits - delegated->bits);
	read_bytes(&r, subnet, (n + 7) / 8);
	TRY(reader_end(&r));
	struct ip_prefix p = {.address = delegated->address, .bits = bits};
	copy_bits(subnet, 0, p.address.bytes, delegated->bits, n);
	*ret = p;
	return OK;
}

void dhcp6_write_pd_exclude(struct writer *w, const struct ip_prefix *delegated,
			    const struct ip_prefix *excluded)
{
	uint8_t subnet[16] = {0};
	ASSERT(excluded->bits > delegated->bits && excluded->bits <= 128);
	unsigned n = (unsigned)(excluded->bits - delegated->bits);
	copy_bits(excluded->address.bytes, delegated->bits, subnet, 0, n);
	size_t at = dhcp6_option_begin(w, DHCP6_OPT_PD_EXCLUDE);
	write_u8(w, excluded->bits);
	write_bytes(w, subnet, (n + 7) / 8);
	dhcp6_option_end(w, at);
}
