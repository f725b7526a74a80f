#include "service/dhcp/arch.h"

/* IANA, Processor Architecture Types. x64 by UEFI is 7, and 9 in firmware that followed the text of
 * RFC 4578 before its erratum. */
static const struct {
	const char *word;
	uint16_t numbers[DHCP_ARCH_NUMBERS_MAX];
	uint8_t numbers_n;
} words[] = {
	{"bios", {0}, 1},	   {"uefi-x86", {6}, 1},      {"uefi-x64", {7, 9}, 2},
	{"uefi-arm32", {10}, 1},   {"uefi-arm64", {11}, 1},   {"http-x86", {15}, 1},
	{"http-x64", {16}, 1},	   {"http-ebc", {17}, 1},     {"http-arm32", {18}, 1},
	{"http-arm64", {19}, 1},   {"http-bios", {20}, 1},    {"uefi-riscv32", {25}, 1},
	{"http-riscv32", {26}, 1}, {"uefi-riscv64", {27}, 1}, {"http-riscv64", {28}, 1},
};

const char *dhcp_arch_word(size_t n)
{
	return n < sizeof(words) / sizeof(words[0]) ? words[n].word : NULL;
}

enum err dhcp_arch_parse(struct span text, uint16_t ret[DHCP_ARCH_NUMBERS_MAX], size_t *ret_n)
{
	uint64_t number;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!span_is(text, words[i].word))
			continue;
		memcpy(ret, words[i].numbers, sizeof(words[i].numbers));
		*ret_n = words[i].numbers_n;
		return OK;
	}
	if (!span_to_u64(text, UINT16_MAX, &number))
		return ERR_FORMAT;
	ret[0] = (uint16_t)number;
	*ret_n = 1;
	return OK;
}
