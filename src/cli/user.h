/* The password that a command is to give a user: asked for at the terminal, read from standard
 * input, or made. Knows no user. */
#ifndef CLI_USER_H
#define CLI_USER_H

#include <stdbool.h>

struct command_line;

enum { USER_PASSWORD_MAX = 1024 };

struct user_password {
	char text[USER_PASSWORD_MAX + 1];
	bool made; /* here, and so to be shown */
};

#define USER_PASSWORD_OPTIONS                                                                      \
	{"password-stdin", 0, NULL, "the password is the first line of standard input"},           \
	{                                                                                          \
		"generate", 'g', NULL, "make a password, and show it"                              \
	}

/* Without the options: asks twice at a terminal, where an empty answer makes one; makes one where
 * there is none. Returns the exit status; what is wrong was said. */
int user_password_ask(const struct command_line *line, struct user_password *ret);

#endif
