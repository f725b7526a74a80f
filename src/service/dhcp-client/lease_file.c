#include "base/reader.h"
#include "service/dhcp-client/lease.h"

/* One line: the ACK in hexadecimal behind what it does not say. A whole message, so that what is
 * read from disk is judged by the same code as what comes from a server. */
#define MAGIC	   "gatehouse-lease-1"
#define FIELDS_MAX 6

static void write_hex(struct writer *w, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.len; i++) {
		write_u8(w, (uint8_t)digits[bytes.data[i] >> 4]);
		write_u8(w, (uint8_t)digits[bytes.data[i] & 15]);
	}
}

void lease_file_write(const struct lease_file *f, struct writer *w)
{
	write_format(w, MAGIC " %llu %llu %llu %llu ", (unsigned long long)f->owner,
		     (unsigned long long)f->mtu_before, (unsigned long long)f->obtained_s,
		     (unsigned long long)f->expires_s);
	if (f->message.len)
		write_hex(w, f->message);
	else
		write_u8(w, '-');
	write_u8(w, '\n');
}

static int digit_of(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err read_hex(struct span text, uint8_t *room, size_t cap, size_t *ret_len)
{
	if (text.len % 2)
		return ERR_FORMAT;
	if (text.len / 2 > cap)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.len / 2; i++) {
		int high = digit_of(text.data[2 * i]), low = digit_of(text.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return ERR_FORMAT;
		room[i] = (uint8_t)(high << 4 | low);
	}
	*ret_len = text.len / 2;
	return OK;
}

enum err lease_file_read(struct span text, uint8_t room[DHCP_MESSAGE_MAX], struct lease_file *ret)
{
	struct span field[FIELDS_MAX];
	struct lease_file f = {0};
	size_t len = 0;
	if (text.len == 0 || text.data[text.len - 1] != '\n')
		return ERR_FORMAT;
	text.len--;
	for (size_t i = 0; i < FIELDS_MAX; i++) {
		size_t end = span_find(text, ' ');
		if ((end == text.len) != (i == FIELDS_MAX - 1))
			return ERR_FORMAT;
		field[i] = span_sub(text, 0, end);
		text = span_sub(text, end + 1, text.len);
	}
	if (!span_is(field[0], MAGIC) || !span_to_u64(field[1], UINT64_MAX, &f.owner) ||
	    !span_to_u64(field[2], UINT64_MAX, &f.mtu_before) ||
	    !span_to_u64(field[3], UINT64_MAX, &f.obtained_s) ||
	    !span_to_u64(field[4], UINT64_MAX, &f.expires_s))
		return ERR_FORMAT;
	if (!span_is(field[5], "-"))
		TRY(read_hex(field[5], room, DHCP_MESSAGE_MAX, &len));
	f.message = span_of(room, len);
	*ret = f;
	return OK;
}
