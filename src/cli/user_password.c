#include "cli/user.h"

#include "cli/command.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Of random words: 80 bits, in letters that nobody mistakes. */
static int make(struct user_password *ret)
{
	static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
	uint8_t bytes[16];
	size_t at = 0;
	if (crypto_random(bytes, sizeof(bytes)))
		return command_fail(NULL, "there are no random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i && i % 4 == 0)
			ret->text[at++] = '-';
		ret->text[at++] = alphabet[bytes[i] & 31];
	}
	ret->text[at] = '\0';
	ret->made = true;
	crypto_wipe(bytes, sizeof(bytes));
	return EXIT_OK;
}

/* A line without its end. False: there is none, or it is too long. */
static bool line_read(char text[USER_PASSWORD_MAX + 1])
{
	char room[USER_PASSWORD_MAX + 3];
	bool there = fgets(room, sizeof(room), stdin) != NULL;
	size_t len = there ? strcspn(room, "\r\n") : 0;
	bool fits = there && len <= USER_PASSWORD_MAX;
	if (fits) {
		memcpy(text, room, len);
		text[len] = '\0';
	}
	crypto_wipe(room, sizeof(room));
	return fits;
}

static bool prompt(const char *words, char text[USER_PASSWORD_MAX + 1])
{
	struct termios was, quiet;
	if (tcgetattr(STDIN_FILENO, &was) != 0)
		return false;
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)fputs(words, stderr);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	bool there = line_read(text);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	(void)fputc('\n', stderr);
	return there;
}

static int ask_twice(struct user_password *ret)
{
	char again[USER_PASSWORD_MAX + 1];
	if (!prompt("Password (empty: one is made): ", ret->text))
		return command_fail(NULL, "no password was read");
	if (!ret->text[0])
		return make(ret);
	bool same = prompt("The same again: ", again) && strcmp(again, ret->text) == 0;
	crypto_wipe(again, sizeof(again));
	return same ? EXIT_OK : command_fail(NULL, "the two differ");
}

int user_password_ask(const struct command_line *line, struct user_password *ret)
{
	bool reads = command_line_value(line, "password-stdin") != NULL;
	bool makes = command_line_value(line, "generate") != NULL;
	if (reads && makes)
		return command_misused(NULL, "--password-stdin and --generate exclude each other");
	if (reads)
		return line_read(ret->text) ? EXIT_OK
					    : command_fail(NULL, "standard input has no password");
	if (makes || !isatty(STDIN_FILENO))
		return make(ret);
	return ask_twice(ret);
}
