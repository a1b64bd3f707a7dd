/*
 * banned.h - functions that do not compile in this house.
 *
 * The build includes this header before every source file, so that using one
 * of these is an error with a name that explains itself. What to use instead:
 * snprintf or ese_buffer for text, memcpy with a known length, strtoll through
 * ese_number_parse for numbers.
 */
#ifndef ESE_BANNED_H
#define ESE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ESE_BANNED(name) name##_is_banned_see_ese_core_banned_h

#undef strcpy
#define strcpy(...) ESE_BANNED(strcpy)
#undef strcat
#define strcat(...) ESE_BANNED(strcat)
#undef strncpy
#define strncpy(...) ESE_BANNED(strncpy)
#undef strncat
#define strncat(...) ESE_BANNED(strncat)
#undef sprintf
#define sprintf(...) ESE_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) ESE_BANNED(vsprintf)
#undef gets
#define gets(...) ESE_BANNED(gets)
#undef atoi
#define atoi(...) ESE_BANNED(atoi)
#undef atol
#define atol(...) ESE_BANNED(atol)
#undef atoll
#define atoll(...) ESE_BANNED(atoll)
#undef atof
#define atof(...) ESE_BANNED(atof)
#undef strtok
#define strtok(...) ESE_BANNED(strtok)
#undef gmtime
#define gmtime(...) ESE_BANNED(gmtime)
#undef localtime
#define localtime(...) ESE_BANNED(localtime)
#undef ctime
#define ctime(...) ESE_BANNED(ctime)
#undef asctime
#define asctime(...) ESE_BANNED(asctime)
#undef rand
#define rand(...) ESE_BANNED(rand)
#undef srand
#define srand(...) ESE_BANNED(srand)

#endif
