"use strict";
// The tables and charts made here ask the player which sequences it has, so it starts last.
startToolbar();
startTables();
startCurves();
startVot();
startSpeed();
startCompare();
startPlayer();
