<?php
declare(strict_types=1);
header('Content-Type: text/plain; charset=utf-8');
echo "This PHP cartridge runs, but no application has been put into it.\n";
echo "Give its cluster an artifact in the application's document.\n";
