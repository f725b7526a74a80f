#include "service/reverse-proxy/check_udp.h"

#include "service/reverse-proxy/conf_check.h"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err reverse_check_octets(const char *text, uint8_t room[REVERSE_CHECK_UDP_TEXT_MAX],
			      struct span *ret)
{
	size_t len = strlen(text), n = 0;
	if (len < 2 || text[0] != '0' || text[1] != 'x') {
		*ret = span_of(text, len);
		return len ? OK : ERR_FORMAT;
	}
	if (len == 2 || len % 2 || len > REVERSE_CHECK_UDP_TEXT_MAX)
		return ERR_FORMAT;
	for (size_t i = 2; i < len; i += 2) {
		int high = digit_of(text[i]), low = digit_of(text[i + 1]);
		if (high < 0 || low < 0)
			return ERR_FORMAT;
		room[n++] = (uint8_t)(high << 4 | low);
	}
	*ret = span_of(room, n);
	return OK;
}

bool reverse_check_udp_judge(const struct reverse_check_conf *c, struct span answer)
{
	uint8_t room[REVERSE_CHECK_UDP_TEXT_MAX];
	struct span wanted;
	if (!c->answer || !*c->answer)
		return true;
	return reverse_check_octets(c->answer, room, &wanted) == OK && answer.len >= wanted.len &&
	       memmem(answer.data, answer.len, wanted.data, wanted.len) != NULL;
}

bool reverse_check_silence_is_well(const struct reverse_check_conf *c)
{
	return reverse_check_kind(c) == REVERSE_CHECK_UDP && !c->answer;
}
